// The directories of rooms and of people.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { faultOf, type Fault } from "../api";
import type { Room } from "../api.gen";
import { best } from "../find";
import { join, roomsApi } from "../rooms";
import { go, roomPath } from "../route";
import { personOf, roomName, state } from "../state";
import { count, shortDay } from "../time";
import { say, show } from "../ui";
import { words } from "../words";
import { canWrite, directWith, writeTo } from "./card";
import { Icon } from "./icons";
import { Avatar, Empty, FaultBox, IconButton, openCard, RoomIcon, Skeleton } from "./parts";
import { typeOf } from "./room";

// PageFrame is a page that is not a room.
export function PageFrame({ title, lead, tools, children }: {
  title: string; lead?: string; tools?: ComponentChildren; children: ComponentChildren;
}): JSX.Element {
  useEffect(() => {
    document.title = `${title} · ${state.start.value?.place || words.name}`;
  }, [title]);
  return (
    <div class="page" tabIndex={-1}>
      <div class="page-inner">
        <header class="page-head">
          <IconButton icon="back" label={words.menu} class="only-phone" onClick={() => go("/")} />
          <div class="grow">
            <h1>{title}</h1>
            {lead && <p class="quiet">{lead}</p>}
          </div>
          {tools}
        </header>
        {children}
      </div>
    </div>
  );
}

export function RoomsPage(): JSX.Element {
  const [query, setQuery] = useState("");
  const [only, setOnly] = useState("");
  const [rooms, setRooms] = useState<Room[] | null>(null);
  const [next, setNext] = useState("");
  const [fault, setFault] = useState<Fault | null>(null);
  const fetchMore = (after: string, alive: () => boolean) =>
    roomsApi.directory(query.trim(), only, after).then((r) => {
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
  }, [query, only]);
  return (
    <PageFrame
      title={words.allRooms} lead={words.directoryLead}
      tools={<button type="button" class="button primary" onClick={() => show({ kind: "new-room" })}><Icon name="plus" size={16} /> {words.newRoom}</button>}
    >
      <div class="page-tools">
        <input type="search" value={query} placeholder={words.roomFilter} aria-label={words.roomFilter} onInput={(e) => setQuery(e.currentTarget.value)} />
        <div class="filter-row" role="group" aria-label={words.onlyLabel}>
          {words.only.map(([value, text]) => <button key={value} type="button" class="filter" aria-pressed={only === value} onClick={() => setOnly(value)}>{text}</button>)}
        </div>
      </div>
      {fault && <FaultBox fault={fault} />}
      {!rooms && !fault && <Skeleton />}
      {rooms?.length === 0 && (
        <Empty icon="hash" title={only === "mine" && !query ? words.noRoomsMine : words.noRooms}>
          {!query && only !== "archived" && <p>{words.noRoomsYetHint}</p>}
        </Empty>
      )}
      {rooms && rooms.length > 0 && <ul class="cards">{rooms.map((r) => <RoomCard key={r.id} room={r} onJoin={(now) => setRooms((held) => (held ?? []).map((x) => (x.id === now.id ? { ...x, ...now } : x)))} />)}</ul>}
      {next && <button type="button" class="button" onClick={() => void fetchMore(next, () => true)}>{words.more}</button>}
    </PageFrame>
  );
}

function RoomCard({ room, onJoin }: { room: Room; onJoin: (room: Room) => void }): JSX.Element {
  const canJoin = room.type === "open" && !room.state && !room.member;
  const enter = () => void join(room.id).then((now) => {
    onJoin(now);
    say(words.joined(roomName(now)));
  }, (e: unknown) => say(faultOf(e).message));
  const facts = [typeOf(room)];
  if (room.members) facts.push(words.members(room.members));
  if (room.messages) facts.push(words.messages(room.messages));
  if (room.last) facts.push(shortDay(room.last));
  return (
    <li class="card-line">
      <a class="line-card" href={roomPath(room.id)}>
        <span class="line-icon"><RoomIcon room={room} size={20} /></span>
        <span class="line-text">
          <span class="line-title"><span class="side-name" dir="auto">{roomName(room)}</span>{room.state && <span class="tag">{room.state === "archived" ? words.archived : words.deleted}</span>}{room.arriving && <span class="tag" title={words.arrivingLong}>{words.arriving}</span>}</span>
          {room.topic && <span class="line-note" dir="auto">{room.topic}</span>}
          <span class="quiet line-facts">{facts.join(" · ")}</span>
        </span>
      </a>
      {canJoin && <button type="button" class="button" aria-label={`${words.joinRoom}: ${roomName(room)}`} onClick={enter}>{words.joinRoom}</button>}
    </li>
  );
}

const step = 60;

export function PeoplePage(): JSX.Element {
  const [query, setQuery] = useState("");
  const [left, setLeft] = useState(false);
  const [limit, setLimit] = useState(step);
  const all = state.people.value;
  const shown = useMemo(() => {
    const list = [...all.values()].filter((p) => personOf(p.id) === p && (left || !p.off) && p.role !== "placeholder");
    list.sort((a, b) => a.name.localeCompare(b.name, words.locale, { numeric: true }));
    return best(list, query, (p) => `${p.name} ${p.mention ?? ""} ${p.title ?? ""}`, limit + 1);
  }, [all, query, left, limit]);
  return (
    <PageFrame title={words.allPeople} lead={words.peopleLead}>
      <div class="page-tools">
        <input type="search" value={query} placeholder={words.personFilter} aria-label={words.personFilter} onInput={(e) => { setQuery(e.currentTarget.value); setLimit(step); }} />
        <label class="check"><input type="checkbox" checked={left} onChange={(e) => setLeft(e.currentTarget.checked)} /> {words.withLeft}</label>
      </div>
      {!shown.length && <Empty icon="people" title={words.noPeople} />}
      <ul class="cards people">
        {shown.slice(0, limit).map((p) => {
          const direct = directWith(p.id);
          return (
            <li key={p.id} class="card-line">
              <button type="button" class="plain line-card" onClick={(e) => openCard(p.id, e.currentTarget)}>
                <Avatar person={p} name={p.name} size={40} />
                <span class="line-text">
                  <span class="line-title"><span class="side-name" dir="auto">{p.name}</span>{p.off && <span class="tag">{words.left}</span>}{p.role === "guest" || p.role === "bot" ? <span class="tag">{words.roles[p.role]}</span> : null}</span>
                  <span class="line-note" dir="auto">{p.title || (p.mention ? "@" + p.mention : "")}</span>
                  <span class="quiet line-facts">{p.title && p.mention ? "@" + p.mention : ""}</span>
                </span>
              </button>
              {(direct || canWrite(p)) && <IconButton icon="send" label={words.messageTo(p.name)} onClick={() => (direct ? go(roomPath(direct)) : void writeTo(p.id))} />}
            </li>
          );
        })}
      </ul>
      {shown.length > limit && <button type="button" class="button" onClick={() => setLimit(limit + step)}>{words.more} ({count(all.size)})</button>}
    </PageFrame>
  );
}
