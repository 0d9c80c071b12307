// The administrators' page: what is here, what needs attention, what was
// moved in, and links for people who have no password.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { api, faultOf, type Fault } from "../api";
import type { AdminPeople, AdminPerson, Move, Overview } from "../api.gen";
import { state } from "../state";
import { count, dayAndClock, duration, shortDay, size } from "../time";
import { show } from "../ui";
import { words } from "../words";
import { PageFrame } from "./directory";
import { Icon } from "./icons";
import { Avatar, Empty, FaultBox, Skeleton } from "./parts";

export function AdminPage(): JSX.Element {
  const [overview, setOverview] = useState<Overview | null>(null);
  const [fault, setFault] = useState<Fault | null>(null);
  const fetchAll = () => {
    setFault(null);
    api.overview().then(setOverview, (e: unknown) => setFault(faultOf(e)));
  };
  useEffect(fetchAll, []);
  if (!state.start.value?.me.admin) return <PageFrame title={words.adminTitle}><Empty icon="lock" title={words.noAdmin} /></PageFrame>;
  return (
    <PageFrame title={words.adminTitle} lead={words.adminLead} tools={<button type="button" class="button" onClick={fetchAll}>{words.refresh}</button>}>
      {fault && <FaultBox fault={fault} />}
      {!overview && !fault && <Skeleton />}
      {overview && (
        <>
          <Problems list={overview.problems ?? []} />
          <Counts o={overview} />
          <Place o={overview} />
          <Moves list={overview.moves ?? []} />
        </>
      )}
      <PeopleTable />
    </PageFrame>
  );
}

function Problems({ list }: { list: string[] }): JSX.Element {
  if (!list.length) return <p class="panel calm"><Icon name="check" /> {words.noProblems}</p>;
  return (
    <section class="panel problems">
      <h2><Icon name="warning" /> {words.problems}</h2>
      <ul>{list.map((p) => <li key={p}>{p}</li>)}</ul>
    </section>
  );
}

function Counts({ o }: { o: Overview }): JSX.Element {
  const big: [string, string, string][] = [
    [words.messageCount, count(o.messages), o.unindexed ? `${words.unindexedCount}: ${count(o.unindexed)}` : ""],
    [words.activePeople, count(o.people), o.off ? `${words.offPeople}: ${count(o.off)}` : ""],
    [words.activeRooms, count(o.rooms), [o.archived && `${words.archivedRooms}: ${count(o.archived)}`, o.deleted && `${words.deletedRooms}: ${count(o.deleted)}`].filter(Boolean).join(" · ")],
    [words.directs, count(o.direct), ""],
    [words.files, count(o.files), `${words.fileBytes}: ${size(o.file_bytes)}`],
    [words.emoticons, count(o.emoticons), ""],
  ];
  return (
    <section>
      <h2 class="section">{words.counts}</h2>
      <dl class="counts">
        {big.map(([name, value, note]) => (
          <div key={name} class="panel"><dt>{name}</dt><dd class="big">{value}</dd>{note && <dd class="quiet">{note}</dd>}</div>
        ))}
      </dl>
    </section>
  );
}

function Place({ o }: { o: Overview }): JSX.Element {
  const facts: [string, string][] = [
    [words.state, words.states[o.state] ?? o.state],
    [words.address, o.address || words.noAddress],
    [words.version, o.version],
    [words.upSince, dayAndClock(o.started)],
    [words.database, o.db_bytes ? `${o.database}, ${size(o.db_bytes)}` : o.database],
  ];
  if (o.first) facts.push([words.span, `${shortDay(o.first)} – ${shortDay(o.last)}`]);
  return (
    <section class="panel">
      <h2 dir="auto">{o.place || words.name}</h2>
      <dl class="facts wide">{facts.map(([k, v]) => <div key={k}><dt>{k}</dt><dd>{v}</dd></div>)}</dl>
    </section>
  );
}

function Moves({ list }: { list: Move[] }): JSX.Element {
  return (
    <section>
      <h2 class="section">{words.moves}</h2>
      {!list.length ? <p class="panel">{words.noMoves} <span class="quiet">{words.noMovesHint}</span></p> : (
        <div class="table-box panel" tabIndex={0} role="region" aria-label={words.moves}>
          <table>
            <thead><tr>
              <th scope="col">{words.move}</th><th scope="col">{words.source}</th><th scope="col">{words.state}</th><th scope="col">{words.started}</th>
              <th scope="col" class="number">{words.took}</th><th scope="col" class="number">{words.read}</th><th scope="col" class="number">{words.written}</th><th scope="col">{words.report}</th>
            </tr></thead>
            <tbody>
              {list.map((m) => (
                <tr key={m.name}>
                  <th scope="row">{m.name}</th><td class="source" title={m.source}>{m.source}</td>
                  <td><span class={"state " + (m.done ? "good" : "going")}>{m.done ? words.done : words.running}</span></td>
                  <td>{dayAndClock(m.started)}</td><td class="number">{m.ended ? duration(m.ended - m.started) : ""}</td>
                  <td class="number">{count(m.read)}</td><td class="number">{count(m.written)}</td>
                  <td><a href={api.reportPage(m.name)} target="_blank" rel="noopener">{words.report}</a></td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function PeopleTable(): JSX.Element {
  const [query, setQuery] = useState("");
  const [found, setFound] = useState<AdminPeople | null>(null);
  const [fault, setFault] = useState<Fault | null>(null);
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
  return (
    <section>
      <h2 class="section">{words.adminPeople}</h2>
      <div class="page-tools">
        <input type="search" value={query} placeholder={words.adminPeopleLead} aria-label={words.adminPeopleLead} onInput={(e) => setQuery(e.currentTarget.value)} />
        {found && <span class="quiet" role="status">{words.found(found.total)}</span>}
      </div>
      {fault && <FaultBox fault={fault} />}
      {found && found.people.length === 0 && <Empty icon="people" title={words.noPeople} />}
      {found && found.people.length > 0 && <ul class="people-rows">{found.people.map((p) => <PersonRow key={p.id} person={p} />)}</ul>}
      {found?.next && <button type="button" class="button" onClick={() => void ask(found.next ?? "", () => true)}>{words.more}</button>}
    </section>
  );
}

function PersonRow({ person: p }: { person: AdminPerson }): JSX.Element {
  const [fault, setFault] = useState<Fault | null>(null);
  const [busy, setBusy] = useState(false);
  const make = () => {
    setBusy(true);
    setFault(null);
    api.resetLink(p.id)
      .then((l) => show({ kind: "link", name: p.name, url: l.url, expires: l.expires }), (e: unknown) => setFault(faultOf(e)))
      .finally(() => setBusy(false));
  };
  return (
    <li class="person-row">
      <Avatar person={p} name={p.name} size={32} />
      <span class="line-text">
        <span class="line-title"><span class="side-name" dir="auto">{p.name}</span>{p.off && <span class="tag">{words.left}</span>}{p.role !== "member" && <span class="tag">{words.roles[p.role] ?? p.role}</span>}</span>
        <span class="quiet line-facts">{[p.mention && "@" + p.mention, p.email].filter(Boolean).join(" · ")}</span>
        {fault && <FaultBox fault={fault} />}
      </span>
      <span class="quiet person-password">{p.password ? words.hasPassword : words.noPassword}</span>
      {!p.off && p.role !== "placeholder" && p.role !== "bot" && (
        <button type="button" class="button" disabled={busy} aria-label={words.makeLinkFor(p.name)} onClick={make}>{words.makeLink}</button>
      )}
    </li>
  );
}
