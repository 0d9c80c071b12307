// Settings of the place, and the log of what administrators did.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { accounts } from "../accounts";
import { faultOf, type Fault } from "../api";
import type { AuditEntry, MailTest, Setting } from "../api.gen";
import { state } from "../state";
import { dayAndClock } from "../time";
import { say } from "../ui";
import { words } from "../words";
import { ActionButton, Choice, Field, Form } from "./form";
import { Empty, FaultBox, Skeleton } from "./parts";

const groups: [string, string[]][] = [
  ["place", ["name", "address", "retention"]],
  ["people", ["rooms-by", "emoticons", "file-limit", "link-previews", "second-factor"]],
  ["move", ["announcement", "announcement-at", "testers"]],
  ["mail", ["mail-host", "mail-port", "mail-tls", "mail-user", "mail-password", "mail-from", "mail-after"]],
];

export function SettingsPage(): JSX.Element {
  const [held, setHeld] = useState<Setting[] | null>(null);
  const [fault, setFault] = useState<Fault | null>(null);
  useEffect(() => {
    accounts.settings().then((s) => setHeld(s.settings), (e: unknown) => setFault(faultOf(e)));
  }, []);
  if (fault) return <FaultBox fault={fault} />;
  if (!held) return <Skeleton />;
  const placed = groups.flatMap(([, names]) => names);
  const rest = held.map((s) => s.name).filter((n) => !placed.includes(n));
  return (
    <>
      {groups.map(([group, names]) => (
        <Group key={group} name={group} list={held.filter((s) => [...names, ...(group === "place" ? rest : [])].includes(s.name))} put={setHeld} />
      ))}
    </>
  );
}

// localTime is how a form writes a time.
function localTime(v: string): string {
  const t = new Date(v);
  if (!v || Number.isNaN(t.getTime())) return "";
  return new Date(t.getTime() - t.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

const choiceText = (v: string) => words.settingChoices[v] ?? v;

function Group({ name, list, put }: { name: string; list: Setting[]; put: (all: Setting[]) => void }): JSX.Element {
  const [changed, setChanged] = useState<Record<string, string>>({});
  const valueOf = (s: Setting) => changed[s.name] ?? (s.type === "secret" ? "" : s.value);
  return (
    <section class="panel">
      <h2>{words.settingGroups[name]}</h2>
      <Form send={words.save} action={async () => {
        const secrets = list.filter((s) => s.type === "secret").map((s) => s.name);
        const all = await accounts.setSettings(Object.fromEntries(Object.entries(changed).filter(([n, v]) => v || !secrets.includes(n))));
        put(all.settings);
        setChanged({});
        const start = state.start.value;
        const value = (n: string) => all.settings.find((s) => s.name === n)?.value ?? "";
        if (start) state.start.value = { ...start, place: value("name") || start.place, address: value("address") };
        say(words.saved);
      }}>
        <div class="fields">
          {list.map((s) => {
            const common = {
              label: words.settingNames[s.name] ?? s.name, name: "setting-" + s.name, value: valueOf(s),
              hint: s.type === "secret" && s.value ? words.settingIsSet : words.settingHints[s.name] ?? "",
            };
            const set = (v: string) => setChanged((c) => ({ ...c, [s.name]: v }));
            return s.type === "choice"
              ? <Choice key={s.name} {...common} choices={(s.choices ?? []).map((c) => [c, choiceText(c)])} onChange={set} />
              : s.type === "time"
              ? <Field key={s.name} {...common} value={localTime(common.value)} type="datetime-local" optional onInput={(v) => set(v && new Date(v).toISOString())} />
              : <Field key={s.name} {...common} type={s.type === "secret" ? "password" : s.type === "number" ? "number" : "text"} complete={s.type === "secret" ? "new-password" : "off"} optional onInput={set} />;
          })}
        </div>
      </Form>
      {name === "mail" && <TestMail />}
    </section>
  );
}

function TestMail(): JSX.Element {
  const [result, setResult] = useState<MailTest | null>(null);
  return (
    <>
      <div class="buttons"><ActionButton text={words.mailTest} action={async () => setResult(await accounts.mailTest())} /></div>
      {result && (
        <div class={result.ok ? "notice" : "fault"} role="status">
          <div><p>{result.ok ? words.mailSent(result.to) : words.mailFailed(result.to)}</p><p class="quiet"><code>{result.text}</code></p></div>
        </div>
      )}
    </>
  );
}

export function AuditPage(): JSX.Element {
  const [query, setQuery] = useState("");
  const [list, setList] = useState<AuditEntry[] | null>(null);
  const [next, setNext] = useState("");
  const [fault, setFault] = useState<Fault | null>(null);
  const ask = (before: string, alive: () => boolean) => accounts.audit(query.trim(), before).then((r) => {
    if (!alive()) return;
    setList((held) => (before && held ? [...held, ...(r.entries ?? [])] : r.entries ?? []));
    setNext(r.next ?? "");
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
      <div class="page-tools">
        <input type="search" value={query} placeholder={words.auditFilter} aria-label={words.auditFilter} onInput={(e) => setQuery(e.currentTarget.value)} />
      </div>
      {fault && <FaultBox fault={fault} />}
      {!list && !fault && <Skeleton />}
      {list && list.length === 0 && <Empty icon="search" title={words.auditNone} />}
      {list && list.length > 0 && (
        <div class="table-box panel audit" tabIndex={0} role="region" aria-label={words.auditTitle}>
          <table>
            <thead><tr><th scope="col">{words.when}</th><th scope="col">{words.who}</th><th scope="col">{words.what}</th><th scope="col">{words.onWhom}</th><th scope="col">{words.note}</th></tr></thead>
            <tbody>
              {list.map((e) => (
                <tr key={e.id}><td>{dayAndClock(e.at)}</td><td dir="auto">{e.name || words.operator}</td><td>{e.action}</td><td dir="auto">{e.target}</td><td class="note" dir="auto">{e.note}</td></tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {next && <button type="button" class="button" onClick={() => void ask(next, () => true)}>{words.more}</button>}
    </section>
  );
}
