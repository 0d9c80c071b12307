// How a move between two places in use goes: for the administrators of both.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { faultOf, type Fault } from "../api";
import type { Flight, FlightOrder } from "../api.gen";
import { acts, flights, micros, progressOf, silentFor, span, stationOf, stations, statusOf } from "../flight";
import type { PlaceStatus, Status } from "../move.gen";
import { clock, count, dayAndClock, duration, size } from "../time";
import { say } from "../ui";
import { words } from "../words";
import { Knobs, OrderDialog } from "./flightorders";
import { ActionButton } from "./form";
import { Icon } from "./icons";
import { lazy } from "./lazy";
import { FaultBox, Skeleton } from "./parts";
import "../style/flight.css";

const RatesChart = lazy(() => import("./flightchart").then((m) => m.RatesChart));

const every = 1000;

export function FlightPage(): JSX.Element {
  const [flight, setFlight] = useState<Flight | null>(null);
  const [fault, setFault] = useState<Fault | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    let timer = 0;
    const look = async () => {
      if (!document.hidden) {
        try {
          setFlight(await flights.look(stop.signal));
          setFault(null);
        } catch (e) {
          if (stop.signal.aborted) return;
          setFault(faultOf(e)); // what was seen last stays
        }
      }
      if (!stop.signal.aborted) timer = window.setTimeout(() => void look(), every);
    };
    void look();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, []);
  return (
    <>
      {fault && <FaultBox fault={fault} />}
      {!flight && !fault && <Skeleton />}
      {flight && !flight.move && <NoFlight />}
      {flight?.move && <Journey flight={flight} />}
    </>
  );
}

function NoFlight(): JSX.Element {
  return (
    <section class="panel">
      <h2>{words.flightNone}</h2>
      <p>{words.flightNoneLead}</p>
      <ol class="flight-steps">
        {words.flightSteps.map(([text, command]) => <li key={text}>{text}{command && <>: <code>{command}</code></>}</li>)}
      </ol>
      <p class="quiet">{words.flightManual}</p>
    </section>
  );
}

function Journey({ flight }: { flight: Flight }): JSX.Element {
  const s = statusOf(flight);
  if (!s) return <p class="panel">{words.flightNotTold}</p>;
  const silent = silentFor(flight);
  return (
    <>
      {silent > 0 && !flight.over && <p class="panel problems" role="status"><span><Icon name="warning" /> {words.flightTold(duration(silent))}</span></p>}
      <Route s={s} />
      <Next s={s} move={flight.move} />
      <div class="flight-pair">
        <ProgressPanel s={s} />
        <Proof s={s} move={flight.move} />
      </div>
      <section class="panel">
        <h2>{words.flightRates}</h2>
        <RatesChart rates={s.rates ?? []} />
      </section>
      <Knobs s={s} move={flight.move} />
      <Orders list={flight.orders ?? []} />
      <Lately s={s} />
    </>
  );
}

// Route is the journey: one line from one place to the other, with stations.
function Route({ s }: { s: Status }): JSX.Element {
  const at = stationOf(s.stage);
  return (
    <section class="panel flight-route">
      <div class="flight-ends">
        <End name={words.flightFrom} address={s.from} place={s.source} writes={s.writing !== "to"} />
        <End name={words.flightTo} address={s.to} place={s.target} writes={s.writing === "to"} />
      </div>
      <ol class="flight-line" aria-label={words.flightTitle}>
        {stations.map((name, i) => (
          <li key={name} class={i < at ? "past" : i === at ? "now" : ""} aria-current={i === at ? "step" : undefined}>
            <span class="flight-dot" aria-hidden="true">{i < at && <Icon name="check" size={12} />}</span>
            <span>{words.flightStations[name]}</span>
          </li>
        ))}
      </ol>
      <div>
        <h2 class="flight-stage">{words.flightStages[s.stage] ?? s.stage} <span class="quiet">{words.flightSince(clock(micros(s.since)), duration(micros(s.at) - micros(s.since)))}</span></h2>
        <p>{words.flightStageHelp[s.stage]}</p>
      </div>
    </section>
  );
}

function End({ name, address, place, writes }: { name: string; address: string; place: PlaceStatus; writes: boolean }): JSX.Element {
  const one = (n: number) => n.toLocaleString(words.locale, { maximumFractionDigits: 1 });
  const facts = [
    place.posts > 0 && words.flightPosts(one(place.posts), one(place.p95)), place.people > 0 && words.flightPeople(place.people),
    place.held > 0 && words.flightHeld(place.held), place.relayed > 0 && words.flightRelayed(place.relayed),
  ].filter(Boolean).join(" · ");
  return (
    <div class="flight-end">
      <p class="quiet">{name}</p>
      <p class="flight-address" title={place.title}>{address}</p>
      <p class="quiet">
        <span class={"state " + (place.silent ? "going" : "good")}>{place.silent ? words.flightSilent : words.states[place.state] ?? place.state}</span>
        {" · "}{writes ? words.flightWritesHere : words.flightFollows}
      </p>
      {facts && <p class="quiet">{facts}</p>}
    </div>
  );
}

// Next says what a person does next, until when, and has the buttons. Red is
// only what somebody must mend.
function Next({ s, move }: { s: Status; move: string }): JSX.Element {
  const [asked, setAsked] = useState("");
  const next = s.next;
  const own = next.do ? words.flightNextStep[next.do] : "";
  const text = own || (next.step && !next.step.startsWith("none") ? next.step : words.flightNextNone);
  const list = acts(s);
  const mustAsk = (word: string) => word in words.flightAsk;
  return (
    <section class={"panel flight-next" + (s.problem ? " wrong" : "")}>
      <h2>{words.flightNext}</h2>
      {s.problem && (
        <div class="fault" role="alert"><Icon name="warning" /><div><p>{s.problem.text}</p>{s.problem.hint && <p class="quiet">{s.problem.hint}</p>}</div></div>
      )}
      <p class="flight-step">{text} {next.by && <strong>{words.flightBy(dayAndClock(micros(next.by)))}</strong>}</p>
      {next.then && next.by && !s.planned && <p class="quiet">{words.flightElse(next.then)}</p>}
      {s.planned?.at && <p class="notice">{words.flightPlannedAt(dayAndClock(micros(s.planned.at)), s.planned.who ?? "")}</p>}
      {s.planned?.gone && <p class="notice">{words.flightPlannedGone(s.planned.gone)}</p>}
      {s.not_ready && s.stage === "follow" && <p class="quiet">{s.not_ready}</p>}
      {list.length > 0 && (
        <div class="buttons">
          {list.map((word) => mustAsk(word)
            ? <button key={word} type="button" class={"button" + (word === next.do ? " primary" : "")} onClick={() => setAsked(word)}>{words.flightDo[word]}</button>
            : <ActionButton key={word} text={words.flightDo[word] ?? word} class={word === next.do ? "primary" : ""} action={async () => {
              await flights.order(move, word);
              say(words.flightOrdered);
            }} />)}
        </div>
      )}
      {asked && <OrderDialog s={s} move={move} word={asked} onClose={() => setAsked("")} />}
    </section>
  );
}

function ProgressPanel({ s }: { s: Status }): JSX.Element {
  const bytes = s.files.total > 0 && s.turn === 0 ? [{ name: words.flightFileBytes, done: Math.min(s.files.bytes, s.files.total), all: s.files.total, text: size }] : [];
  const eta = s.high > 0 ? words.flightEta(span(s.low), span(s.high)) : "";
  return (
    <section class="panel">
      <h2>{words.flightProgress} {eta && <span class="quiet">{eta}</span>}</h2>
      <dl class="flight-bars">
        {[...progressOf(s.kinds, s.turn).map((p) => ({ ...p, text: count })), ...bytes].map((p) => (
          <div key={p.name}>
            <dt>{p.name}</dt>
            <dd class="quiet">{words.flightOf(p.text(p.done), p.text(p.all))}</dd>
            <dd><progress value={p.done} max={Math.max(p.all, 1)} aria-label={p.name} /></dd>
          </div>
        ))}
      </dl>
      {s.files.gone > 0 && <p class="flight-warn">{words.flightFilesGone(s.files.gone)}</p>}
      <h3>{words.flightWaits}</h3>
      <p>{s.waits || words.flightWaitsNot}</p>
    </section>
  );
}

function Proof({ s, move }: { s: Status; move: string }): JSX.Element {
  const v = s.verify;
  const following = s.stage === "follow" || s.stage === "reverse";
  const share = s.budget > 0 ? s.pause / s.budget : 0;
  return (
    <section class="panel">
      <h2>{words.flightPause}</h2>
      {s.pause > 0 && <meter class="flight-meter" min={0} max={1} high={0.8} value={Math.min(share, 1)} aria-label={words.flightPause} />}
      <p>{s.pause > 0 ? words.flightPauseNow(span(s.pause), span(s.budget)) : words.flightPauseUnknown(span(s.budget))} {share > 1 && words.flightPauseOver}</p>
      {(s.pauses ?? []).map((p) => <p key={p.at} class="quiet">{words.flightFelt(words.flightPauses[p.what] ?? p.what, dayAndClock(micros(p.at)), span(p.took))}</p>)}
      <h3>{words.flightVerify}</h3>
      <p>
        {v.clean ? words.flightClean(clock(micros(v.clean))) : words.flightNotClean}{" "}
        {v.round > 0 && words.flightRound(v.round, v.level, v.done.toLocaleString(words.locale, { style: "percent" }))}{" "}
        {v.repaired > 0 && words.flightRepaired(v.repaired)}
      </p>
      {v.differences > 0 && <p class="flight-warn">{words.flightDiffer(v.differences)}</p>}
      {following && (
        <>
          <h3>{words.flightLag}</h3>
          <p>{s.behind > 0 ? `${span(s.lag)}, ${count(s.behind)}` : `${span(s.lag)}. ${words.flightNothingBehind}.`}</p>
        </>
      )}
      <h3>{words.flightQuarantine}</h3>
      <p>{s.quarantined > 0 ? words.flightQuarantined(s.quarantined) : words.flightQuarantineNone} {s.signed_off && words.flightSignedOff(s.signed_off)}</p>
      {s.quarantined > 0 && !s.signed_off && (
        <div class="buttons"><ActionButton text={words.flightSignOff} action={async () => {
          await flights.order(move, "sign-off", "an administrator");
          say(words.flightOrdered);
        }} /></div>
      )}
    </section>
  );
}

function Orders({ list }: { list: FlightOrder[] }): JSX.Element {
  return (
    <section>
      <h2 class="section">{words.flightOrders}</h2>
      {!list.length ? <p class="quiet">{words.flightOrdersNone}</p> : (
        <div class="table-box panel" tabIndex={0} role="region" aria-label={words.flightOrders}>
          <table>
            <thead><tr><th scope="col">{words.when}</th><th scope="col">{words.who}</th><th scope="col">{words.flightOrder}</th></tr></thead>
            <tbody>{list.map((o) => <tr key={o.n}><td>{dayAndClock(o.at)}</td><td dir="auto">{o.who}</td><td>{o.word} {o.args}</td></tr>)}</tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function Lately({ s }: { s: Status }): JSX.Element | null {
  const list = [...(s.log ?? [])].reverse().slice(0, 12);
  if (!list.length) return null;
  return (
    <section>
      <h2 class="section">{words.flightLog}</h2>
      <ul class="panel flight-log">{list.map((l, i) => <li key={l.at + i}><time class="quiet">{clock(micros(l.at))}</time> <span>{l.text}</span></li>)}</ul>
    </section>
  );
}
