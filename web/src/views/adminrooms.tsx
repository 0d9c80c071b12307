// Rooms for administrators: who they belong to, and what can be restored.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { faultOf, type Fault } from "../api";
import type { AdminRoom, RoomPeople } from "../api.gen";
import { roomsApi } from "../rooms";
import { roomPath } from "../route";
import { nameOf } from "../state";
import { shortDay } from "../time";
import { say } from "../ui";
import { words } from "../words";
import { Icon } from "./icons";
import { Empty, FaultBox, Skeleton } from "./parts";

export function RoomsTable(): JSX.Element {
  const [query, setQuery] = useState("");
  const [of, setOf] = useState("");
  const [rooms, setRooms] = useState<AdminRoom[] | null>(null);
  const [next, setNext] = useState("");
  const [fault, setFault] = useState<Fault | null>(null);
  const fetchMore = (after: string, alive: () => boolean) =>
    roomsApi.adminRooms(query.trim(), of, after).then((r) => {
      if (!alive()) return;
      setRooms((held) => (after ? [...(held ?? []), ...(r.rooms ?? [])] : r.rooms ?? []));
      setNext(r.next ?? "");
      setFault(null);
    }, (e: unknown) => alive() && setFault(faultOf(e)));
  useEffect(() => {
    let on = true;
    const timer = setTimeout(() => void fetchMore("", () => on), query ? 150 : 0);
    return () => {
      on = false;
      clearTimeout(timer);
    };
  }, [query, of]);
  const gone = (id: string) => setRooms((held) => (held ?? []).filter((r) => r.id !== id));
  const changed = (room: AdminRoom) => setRooms((held) => (held ?? []).map((r) => (r.id === room.id ? room : r)));
  return (
    <>
      <p class="quiet">{words.adminRoomsLead}</p>
      <div class="page-tools">
        <input type="search" value={query} placeholder={words.roomFilter} aria-label={words.roomFilter} onInput={(e) => setQuery(e.currentTarget.value)} />
        <div class="filter-row" role="group" aria-label={words.onlyLabel}>
          {words.adminStates.map(([value, text]) => <button key={value} type="button" class="filter" aria-pressed={of === value} onClick={() => setOf(value)}>{text}</button>)}
        </div>
      </div>
      {fault && <FaultBox fault={fault} />}
      {!rooms && !fault && <Skeleton />}
      {rooms?.length === 0 && <Empty icon="hash" title={words.noAdminRooms} />}
      {rooms && rooms.length > 0 && <ul class="cards">{rooms.map((r) => <Row key={r.id} room={r} onGone={gone} onChange={changed} />)}</ul>}
      {next && <button type="button" class="button" onClick={() => void fetchMore(next, () => true)}>{words.more}</button>}
    </>
  );
}

function Row({ room, onGone, onChange }: { room: AdminRoom; onGone: (id: string) => void; onChange: (room: AdminRoom) => void }): JSX.Element {
  const [busy, setBusy] = useState(false);
  const [people, setPeople] = useState<RoomPeople | null>(null);
  const run = (act: () => Promise<unknown>, then: () => void) => {
    setBusy(true);
    act().then(then, (e: unknown) => say(faultOf(e).message)).finally(() => setBusy(false));
  };
  const facts = [words.members(room.members), `${words.owner}: ${room.owner ? nameOf(room.owner) : words.noOwner}`];
  if (room.state === "deleted") facts.unshift(room.ends ? words.goes(shortDay(room.ends)) : words.stays);
  const title = <span class="side-name" dir="auto">{room.name}</span>;
  return (
    <li class="card-line">
      <div class="line-card">
        <span class="line-icon"><Icon name={room.state ? "archive" : room.type === "private" ? "lock" : "hash"} size={20} /></span>
        <span class="line-text">
          <span class="line-title">{room.member && room.state !== "deleted" ? <a href={roomPath(room.id)}>{title}</a> : title}</span>
          <span class="quiet line-facts">{facts.join(" · ")}</span>
        </span>
      </div>
      {people && (
        <select
          aria-label={`${words.handOver}: ${room.name}`} disabled={busy} value={room.owner ?? ""} onChange={(e) => {
            const person = e.currentTarget.value;
            run(() => roomsApi.owner(room.id, person), () => onChange({ ...room, owner: person }));
          }}
        >
          {!room.owner && <option value="">{words.noOwner}</option>}
          {(people.people ?? []).map((p) => <option key={p} value={p}>{nameOf(p)}</option>)}
        </select>
      )}
      {room.state !== "deleted" && !people && room.members > 0 && (
        <button type="button" class="button" disabled={busy} aria-label={`${words.owner}: ${room.name}`} onClick={() => run(async () => setPeople(await roomsApi.adminPeople(room.id)), () => undefined)}>{words.owner}</button>
      )}
      {room.state === "deleted" && (
        <button type="button" class="button" disabled={busy} aria-label={words.restoreRoom(room.name)} onClick={() => run(() => roomsApi.state(room.id, ""), () => { onGone(room.id); say(words.restored(room.name)); })}>{words.restore}</button>
      )}
    </li>
  );
}

