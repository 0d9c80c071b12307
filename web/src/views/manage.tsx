// People, for administrators: links for who has no password, roles, who may
// come in, sessions and second steps.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { accounts } from "../accounts";
import { api, faultOf, type Fault } from "../api";
import type { AdminAccount, AdminPeople, AdminPerson } from "../api.gen";
import { state } from "../state";
import { say, show } from "../ui";
import { words } from "../words";
import { ActionButton, Choice, Field, Form } from "./form";
import { Avatar, Empty, FaultBox, Modal, Skeleton } from "./parts";
import { SessionRows } from "./security";

export function PeopleTable(): JSX.Element {
  const [query, setQuery] = useState("");
  const [found, setFound] = useState<AdminPeople | null>(null);
  const [fault, setFault] = useState<Fault | null>(null);
  const [edited, setEdited] = useState<AdminPerson | null>(null);
  const ask = (after: string, alive: () => boolean) =>
    api.adminPeople(query.trim(), after).then((r) => {
      if (!alive()) return;
      setFound((held) => ({ ...r, people: after && held ? [...held.people, ...(r.people ?? [])] : r.people ?? [] }));
      setFault(null);
    }, (e: unknown) => alive() && setFault(faultOf(e)));
  useEffect(() => {
    let on = true;
    const timer = setTimeout(() => void ask("", () => on), query ? 150 : 0);
    return () => {
      on = false;
      clearTimeout(timer);
    };
  }, [query]);
  const put = (p: AdminPerson) => setFound((held) => held && { ...held, people: held.people.map((o) => (o.id === p.id ? p : o)) });
  return (
    <section>
      <div class="page-tools">
        <input type="search" value={query} placeholder={words.adminPeopleLead} aria-label={words.adminPeopleLead} onInput={(e) => setQuery(e.currentTarget.value)} />
        {found && <span class="quiet" role="status">{words.found(found.total)}</span>}
      </div>
      {fault && <FaultBox fault={fault} />}
      {found && found.people.length === 0 && <Empty icon="people" title={words.noPeople} />}
      {found && found.people.length > 0 && <ul class="people-rows">{found.people.map((p) => <PersonRow key={p.id} person={p} onEdit={() => setEdited(p)} />)}</ul>}
      {found?.next && <button type="button" class="button" onClick={() => void ask(found.next ?? "", () => true)}>{words.more}</button>}
      {edited && <EditPerson person={edited} put={put} onClose={() => setEdited(null)} />}
    </section>
  );
}

function PersonRow({ person: p, onEdit }: { person: AdminPerson; onEdit: () => void }): JSX.Element {
  const real = p.role !== "placeholder" && p.role !== "bot";
  return (
    <li class="person-row">
      <Avatar person={p} name={p.name} size={32} />
      <span class="line-text">
        <span class="line-title"><span class="side-name" dir="auto">{p.name}</span>{p.off && <span class="tag">{words.left}</span>}{p.role !== "member" && <span class="tag">{words.roles[p.role] ?? p.role}</span>}</span>
        <span class="quiet line-facts">{[p.mention && "@" + p.mention, p.email].filter(Boolean).join(" · ")}</span>
      </span>
      <span class="quiet person-password">{p.password ? words.hasPassword : words.noPassword}</span>
      {real && !p.off && (
        <ActionButton text={words.makeLink} label={words.makeLinkFor(p.name)} action={async () => {
          const l = await api.resetLink(p.id);
          show({ kind: "link", name: p.name, url: l.url, expires: l.expires });
        }} />
      )}
      {real && <button type="button" class="button" aria-label={words.editPerson(p.name)} onClick={onEdit}>{words.edit}</button>}
    </li>
  );
}

interface EditProps {
  person: AdminPerson;
  put: (p: AdminPerson) => void;
  onClose: () => void;
}

const roles = ["owner", "admin", "member", "guest"];

function EditPerson({ person, put, onClose }: EditProps): JSX.Element {
  const [account, setAccount] = useState<AdminAccount | null>(null);
  const [fault, setFault] = useState<Fault | null>(null);
  const look = () => accounts.person(person.id).then(setAccount, (e: unknown) => setFault(faultOf(e)));
  useEffect(() => void look(), [person.id]);
  return (
    <Modal title={words.editPerson(person.name)} class="wide" onClose={onClose}>
      {fault && <FaultBox fault={fault} />}
      {!account && !fault && <Skeleton rows={3} />}
      {account && <PersonForm account={account} put={put} onClose={onClose} />}
      {account && <Access account={account} put={put} look={look} onClose={onClose} />}
    </Modal>
  );
}

function PersonForm({ account, put, onClose }: { account: AdminAccount; put: (p: AdminPerson) => void; onClose: () => void }): JSX.Element {
  const p = account.person;
  const [name, setName] = useState(p.name);
  const [email, setEmail] = useState(p.email ?? "");
  const [mention, setMention] = useState(p.mention ?? "");
  const [title, setTitle] = useState(account.title ?? "");
  const [zone, setZone] = useState(account.zone ?? "");
  const [role, setRole] = useState(p.role);
  return (
    <Form send={words.save} action={async () => {
      put(await accounts.editPerson(p.id, { name, email, mention, title, zone, role }));
      say(words.saved);
      onClose();
    }}>
      <div class="fields">
        <Field label={words.fullName} name="person-name" value={name} onInput={setName} />
        <Field label={words.email} name="person-email" type="email" value={email} optional onInput={setEmail} />
        <Field label={words.mention} name="person-mention" value={mention} optional onInput={setMention} />
        <Field label={words.jobTitle} name="person-title" value={title} optional onInput={setTitle} />
        <Field label={words.zone} name="person-zone" value={zone} optional onInput={setZone} />
        <Choice label={words.role} name="person-role" value={role} choices={roles.map((r) => [r, words.roles[r] ?? r])} onChange={setRole} />
      </div>
    </Form>
  );
}

function Access({ account, put, look, onClose }: { account: AdminAccount; put: (p: AdminPerson) => void; look: () => void; onClose: () => void }): JSX.Element {
  const p = account.person;
  const mine = p.id === state.start.value?.me.id;
  const sessions = account.sessions ?? [];
  return (
    <>
      <h3>{words.sessionsOpen(sessions.length)} · {words.factorsOf(account.codes, account.passkeys)}</h3>
      <SessionRows list={sessions} />
      <div class="buttons">
        {sessions.length > 0 && <ActionButton text={words.endSessions} action={async () => {
          say(words.sessionsEnded((await accounts.endAllOf(p.id)).ended));
          look();
        }} />}
        {(account.codes || account.passkeys > 0) && <ActionButton text={words.resetFactors} action={() => accounts.resetFactors(p.id).then(look)} />}
        {!mine && <ActionButton text={p.off ? words.reactivate : words.deactivate} action={async () => {
          put(await accounts.editPerson(p.id, { off: !p.off }));
          onClose();
        }} />}
      </div>
      {!mine && !p.off && <p class="quiet">{words.deactivateLead}</p>}
    </>
  );
}
