// The sidebar: favourites, rooms, people, and the ways to the other pages.
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Room } from "../api.gen";
import { rank } from "../find";
import { roomPath, route } from "../route";
import { move, shift } from "../rooms";
import { otherOf, roomName, roomsByPlace, state } from "../state";
import { unreadThreads } from "../threads";
import { atMost } from "../time";
import { keep, recall, show } from "../ui";
import { words } from "../words";
import { Icon, Mark, type IconName } from "./icons";
import { Avatar, IconButton, RoomIcon } from "./parts";
import { openMenu, openMenuAt } from "./roommenu";

export function Sidebar(): JSX.Element {
  const [filter, setFilter] = useState("");
  const { stars, rooms, people } = roomsByPlace.value;
  const start = state.start.value;
  const guest = start?.me.role === "guest";
  const fits = (list: Room[]) => (filter ? list.filter((r) => rank(roomName(r), filter) >= 0) : list);
  const parts = [
    { key: "stars", title: words.favourites, list: fits(stars) },
    { key: "rooms", title: words.rooms, list: fits(rooms) },
    { key: "people", title: words.people, list: fits(people) },
  ].filter((p) => p.list.length || (p.key !== "stars" && !filter && !guest));
  return (
    <nav class="sidebar" aria-label={words.sidebar}>
      <div class="place">
        <a href="/" class="place-name"><Mark size={26} /> <span dir="auto">{start?.place || words.name}</span></a>
      </div>
      <div class="side-search">
        <button type="button" class="jump" title={words.jumpTo} onClick={() => show({ kind: "switcher" })}>
          <Icon name="search" size={16} /> <span>{words.jumpShort}</span> <kbd>Ctrl K</kbd>
        </button>
        <input
          type="search" class="filter" placeholder={words.filter} aria-label={words.filter} value={filter}
          onInput={(e) => setFilter(e.currentTarget.value)}
          onKeyDown={(e) => e.key === "Escape" && setFilter("")}
        />
      </div>
      <div class="side-list" tabIndex={-1}>
        {!filter && (
          <ul class="side-own">
            <PageLink page="threads" href="/threads" icon="thread" text={words.threads} unread={unreadThreads.value} />
            <PageLink page="saved" href="/saved" icon="bookmark" text={words.savedMessages} />
          </ul>
        )}
        {parts.map((p) => <Part key={p.key} id={p.key} title={p.title} list={p.list} forced={filter !== ""} />)}
        {(!parts.length || (!filter && !stars.length && !rooms.length && !people.length)) && <p class="quiet side-empty">{filter ? words.nothingFits : words.noRoomsYet}</p>}
      </div>
      <ul class="side-pages">
        {!guest && <PageLink page="rooms" href="/rooms" icon="hash" text={words.allRooms} />}
        {!guest && <PageLink page="people" href="/people" icon="people" text={words.allPeople} />}
        <PageLink page="search" href="/search" icon="search" text={words.search} />
        {start?.me.admin && <PageLink page="admin" href="/admin" icon="gauge" text={words.overview} />}
        <PageLink page="preferences" href="/preferences" icon="settings" text={words.preferences} me />
      </ul>
    </nav>
  );
}

function PageLink({ page, href, icon, text, me, unread = 0 }: { page: string; href: string; icon: IconName; text: string; me?: boolean; unread?: number }): JSX.Element {
  const here = route.value.page === page;
  const person = state.start.value?.me;
  return (
    <li>
      <a href={href} class={"side-link" + (unread ? " unread" : "")} aria-current={here ? "page" : undefined} title={text}>
        {me && person ? <Avatar person={person} name={person.name} size={20} /> : <Icon name={icon} />}
        <span class="side-name">{text}</span>
        {unread > 0 && <span class="badge">{atMost(unread)}<span class="off-screen"> {words.unreadWord}</span></span>}
      </a>
    </li>
  );
}

// What makes another one in a part of the sidebar.
const makers: Record<string, { text: string; dialog: "new-room" | "new-talk" }> = {
  rooms: { text: words.newRoom, dialog: "new-room" }, people: { text: words.newTalk, dialog: "new-talk" },
};

function Part({ id, title, list, forced }: { id: string; title: string; list: Room[]; forced: boolean }): JSX.Element {
  const [closed, setClosed] = useState(() => recall("closed." + id) === "1");
  const [target, setTarget] = useState(""); // what a dragged room would go before
  const open = forced || !closed;
  const maker = state.start.value?.me.role === "guest" ? undefined : makers[id];
  const toggle = () => {
    keep("closed." + id, closed ? "" : "1");
    setClosed(!closed);
  };
  return (
    <section class="side-part">
      <div class="side-title">
        <h2>
          <button type="button" class="plain" aria-expanded={open} onClick={toggle}>
            <Icon name="chevron" size={14} /> {title} <span class="side-count">{list.length}</span>
          </button>
        </h2>
        {maker && <IconButton icon="plus" label={maker.text} class="small" onClick={() => show({ kind: maker.dialog })} />}
      </div>
      {open && (
        <ul onDragOver={(e) => over(e, setTarget)} onDragLeave={() => setTarget("")} onDrop={(e) => drop(e, setTarget)}>
          {list.map((r) => <RoomLink key={r.id} room={r} target={target === r.id} />)}
        </ul>
      )}
    </section>
  );
}

// dragged is the room that is being dragged: what a drag carries cannot be
// read before it ends.
let dragged = "";

const linkAt = (e: DragEvent) => (e.target instanceof Element ? e.target.closest<HTMLElement>("[data-room]") : null);

function over(e: DragEvent, mark: (id: string) => void): void {
  const link = linkAt(e);
  const list = e.currentTarget;
  if (!dragged || !link || !(list instanceof Element) || !list.querySelector(`[data-room="${dragged}"]`)) return;
  e.preventDefault();
  mark(link.dataset.room ?? "");
}

function drop(e: DragEvent, mark: (id: string) => void): void {
  e.preventDefault();
  mark("");
  const before = linkAt(e)?.dataset.room;
  if (dragged && before) void move(dragged, before);
  dragged = "";
}

function RoomLink({ room, target }: { room: Room; target: boolean }): JSX.Element {
  const ref = useRef<HTMLAnchorElement>(null);
  const at = route.value;
  const here = at.page === "room" && at.room === room.id;
  const unread = (room.unread ?? 0) > 0;
  const off = otherOf(room)?.off;
  const name = roomName(room);
  useEffect(() => {
    if (here) ref.current?.scrollIntoView({ block: "nearest" });
  }, [here]);
  const keys = (e: KeyboardEvent) => {
    if (e.altKey && e.shiftKey && (e.key === "ArrowUp" || e.key === "ArrowDown")) {
      shift(room.id, e.key === "ArrowUp" ? -1 : 1);
      requestAnimationFrame(() => ref.current?.focus());
    } else if (e.key === "ContextMenu" || (e.shiftKey && e.key === "F10")) {
      openMenuAt(room.id, e.currentTarget as Element);
    } else return;
    e.preventDefault();
    e.stopPropagation();
  };
  return (
    <li class={target ? "drop-before" : undefined}>
      <a
        data-room={room.id} draggable onDragStart={(e) => {
          dragged = room.id;
          e.dataTransfer?.setData("text/uri-list", location.origin + roomPath(room.id));
        }}
        onDragEnd={() => (dragged = "")} onKeyDown={keys}
        onContextMenu={(e) => {
          e.preventDefault();
          openMenu(room.id, e.clientX, e.clientY);
        }}
        ref={ref} href={roomPath(room.id)} class={"side-link" + (unread ? " unread" : "") + (off ? " off" : "")}
        aria-current={here ? "page" : undefined} title={name}
      >
        <RoomIcon room={room} />
        <span class="side-name" dir="auto">{name}</span>
        {room.arriving && <span class="side-note" title={words.arrivingLong}>{words.arriving}</span>}
        {room.mentions ? <span class="badge">{atMost(room.mentions)}<span class="off-screen"> {words.mentionsWord}</span></span> : unread ? <span class="dot" role="img" aria-label={words.unread} /> : null}
      </a>
    </li>
  );
}
