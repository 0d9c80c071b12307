// The administrators' pages: what is here, what needs attention, what was
// moved in; people, settings and the audit log are in files of their own.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { api, faultOf, type Fault } from "../api";
import type { Move, Overview } from "../api.gen";
import { state } from "../state";
import { count, dayAndClock, duration, shortDay, size } from "../time";
import { words } from "../words";
import { RoomsTable } from "./adminrooms";
import { PageFrame } from "./directory";
import { Icon } from "./icons";
import { lazy } from "./lazy";
import { PeopleTable } from "./manage";
import { Empty, FaultBox, Skeleton } from "./parts";
import { AuditPage, SettingsPage } from "./settings";

const tabs = ["overview", "people", "rooms", "move", "settings", "audit"] as const;

const FlightPage = lazy(() => import("./flight").then((m) => m.FlightPage));

export function AdminPage({ tab }: { tab: string }): JSX.Element {
  if (!state.start.value?.me.admin) return <PageFrame title={words.adminTitle}><Empty icon="lock" title={words.noAdmin} /></PageFrame>;
  return (
    <PageFrame title={words.adminTabs[tab] ?? words.adminTitle}>
      <nav class="tabs" aria-label={words.adminTitle}>
        {tabs.map((t) => <a key={t} href={t === "overview" ? "/admin" : "/admin/" + t} aria-current={t === tab ? "page" : undefined}>{words.adminTabs[t]}</a>)}
      </nav>
      {tab === "people" ? <PeopleTable /> : tab === "rooms" ? <RoomsTable /> : tab === "move" ? <FlightPage /> : tab === "settings" ? <SettingsPage /> : tab === "audit" ? <AuditPage /> : <OverviewTab />}
    </PageFrame>
  );
}

function OverviewTab(): JSX.Element {
  const [overview, setOverview] = useState<Overview | null>(null);
  const [fault, setFault] = useState<Fault | null>(null);
  const fetchAll = () => {
    setFault(null);
    api.overview().then(setOverview, (e: unknown) => setFault(faultOf(e)));
  };
  useEffect(fetchAll, []);
  return (
    <>
      <div class="page-tools"><p class="quiet grow">{words.adminLead}</p><button type="button" class="button" onClick={fetchAll}>{words.refresh}</button></div>
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
    </>
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
