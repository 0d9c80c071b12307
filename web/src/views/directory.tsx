// The directories of rooms and of people.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { api, faultOf, type Fault } from "../api";
import type { Room } from "../api.gen";
import { best } from "../find";
import { go, roomPath, searchPath } from "../route";
import { personOf, roomName, state } from "../state";
import { count, shortDay } from "../time";
import { words } from "../words";
import { directWith } from "./card";
import { Avatar, Empty, FaultBox, IconButton, RoomIcon, Skeleton } from "./parts";
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
  const [archived, setArchived] = useState(false);
  const [rooms, setRooms] = useState<Room[] | null>(null);
  const [next, setNext] = useState("");
  const [fault, setFault] = useState<Fault | null>(null);
  const fetchMore = (after: string, alive: () => boolean) =>
    api.rooms(query.trim(), archived, after).then((r) => {
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
  }, [query, archived]);
  return (
    <PageFrame title={words.allRooms} lead={words.directoryLead}>
      <div class="page-tools">
        <input type="search" value={query} placeholder={words.roomFilter} aria-label={words.roomFilter} onInput={(e) => setQuery(e.currentTarget.value)} />
        <label class="check"><input type="checkbox" checked={archived} onChange={(e) => setArchived(e.currentTarget.checked)} /> {words.withArchived}</label>
      </div>
      {fault && <FaultBox fault={fault} />}
      {!rooms && !fault && <Skeleton />}
      {rooms?.length === 0 && <Empty icon="hash" title={words.noRooms} />}
      {rooms && rooms.length > 0 && <ul class="cards">{rooms.map((r) => <RoomCard key={r.id} room={r} />)}</ul>}
      {next && <button type="button" class="button" onClick={() => void fetchMore(next, () => true)}>{words.more}</button>}
    </PageFrame>
  );
}

function RoomCard({ room }: { room: Room }): JSX.Element {
  const facts = [typeOf(room)];
  if (room.members) facts.push(words.members(room.members));
  if (room.messages) facts.push(words.messages(room.messages));
  if (room.last) facts.push(shortDay(room.last));
  return (
    <li>
      <a class="line-card" href={roomPath(room.id)}>
        <span class="line-icon"><RoomIcon room={room} size={20} /></span>
        <span class="line-text">
          <span class="line-title"><span class="side-name" dir="auto">{roomName(room)}</span>{room.state && <span class="tag">{room.state === "archived" ? words.archived : words.deleted}</span>}</span>
          {room.topic && <span class="line-note" dir="auto">{room.topic}</span>}
          <span class="quiet line-facts">{facts.join(" · ")}</span>
        </span>
      </a>
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
            <li key={p.id}>
              <a class="line-card" href={direct ? roomPath(direct) : searchPath(p.mention ? `from:${p.mention} ` : "")}>
                <Avatar person={p} name={p.name} size={40} />
                <span class="line-text">
                  <span class="line-title"><span class="side-name" dir="auto">{p.name}</span>{p.off && <span class="tag">{words.left}</span>}{p.role === "guest" || p.role === "bot" ? <span class="tag">{words.roles[p.role]}</span> : null}</span>
                  <span class="line-note" dir="auto">{p.title || (p.mention ? "@" + p.mention : "")}</span>
                  <span class="quiet line-facts">{direct ? words.openDirect : words.messagesFrom}</span>
                </span>
              </a>
            </li>
          );
        })}
      </ul>
      {shown.length > limit && <button type="button" class="button" onClick={() => setLimit(limit + step)}>{words.more} ({count(all.size)})</button>}
    </PageFrame>
  );
}
