// Events become state here, and nowhere else: whatever the server says, and
// what it answers to our own calls, goes through apply.
//
// An event says what something is like now, so applying it twice is the same
// as once. For a new kind of event: its fields are in internal/api/feed.go
// (then: make gen), its case on the server in internal/server/feedevents.go,
// and its case here. What it changes is a signal of state.ts.
import { batch } from "@preact/signals";
import { fetchPrefs } from "./accounts";
import { api } from "./api";
import type { Event, Message, Person, Place, Room } from "./api.gen";
import { arrive, heldBack } from "./outbox";
import { learnMark, toldOf } from "./marks";
import { notify } from "./notify";
import { opened, receive, reload, renewMembers } from "./room";
import { personOf, state } from "./state";
import { stopTyping, types } from "./presence";
import { putSaved } from "./talk";
import { putFollow, receiveReply, reloadThread } from "./threads";

const appliers: Record<string, (e: Event) => void> = {
  message: (e) => e.message && message(e.message),
  room: (e) => e.room && putRoom(e.room),
  drop: (e) => e.id && dropRoom(e.id),
  member: (e) => e.id && e.who && renewMembers(e.id, e.who, e.gone === true),
  history: (e) => soon(e.id ?? ""),
  read: (e) => e.id && read(e.id, e),
  follow: (e) => e.id && putFollow(e.id, e.gone !== true, e.read ?? 0),
  saved: (e) => e.id && putSaved(e.id, e.gone !== true),
  person: (e) => e.person && putPerson(e.person),
  emoticon: (e) => e.emoticon && putEmoticon(e.emoticon.shortcut, e.emoticon.url),
  place: (e) => e.place && putPlace(e.place),
  typing: (e) => e.id && e.who && types(e.id, e.who),
  presence: (e) => putPresence(e.people ?? {}, e.whole === true),
  opened: (e) => e.id && opened(e.id),
  told: (e) => e.told && notify(e.told),
  preferences: () => void fetchPrefs(),
};

// apply takes in what events say, in their order, and draws once. Kinds that
// this client does not know are of a newer server, and no harm.
export function apply(...events: Event[]): void {
  batch(() => {
    for (const e of events) appliers[e.type]?.(e);
  });
}

// soon fetches the shown room's history again, a while after it was filled in:
// not every client at once, and not again and again while it still is.
function soon(id: string): void {
  const shown = state.opened.value?.id;
  if (!shown || (id && id !== shown) || filling) return;
  filling = window.setTimeout(() => {
    filling = 0;
    reload("");
    reloadThread();
  }, 1000 + Math.random() * (id ? 2000 : 20_000));
}

let filling = 0;

// Imported messages have an ID that was made of where they come from (a UUID
// of version 8). They are history, and never news.
const imported = (m: Message) => m.id[14] === "8";

// A reply that was not also sent to the room is left out of its history.
export const aside = (m: Message) => m.thread !== undefined && !m.shown;

function message(m: Message): void {
  if (heldBack(m)) return;
  arrive(m);
  if (!aside(m)) receive(m);
  receiveReply(m);
  if (m.author) stopTyping(m.room, personOf(m.author)?.id ?? m.author);
  const room = state.rooms.value.get(m.room);
  if (m.gone && room?.unread && !aside(m) && m.sent > (room.read ?? 0)) recount(m.room);
  if (!room || aside(m) || m.sent <= (room.last ?? 0)) return;
  const next: Room = { ...room, last: m.sent };
  if (isNews(m)) {
    if (!room.unread) next.read = Math.max(room.read ?? 0, room.last ?? 0); // nothing before it was unread
    next.unread = Math.min(mostUnread, (room.unread ?? 0) + 1);
    if (callsMe(m)) next.mentions = (room.mentions ?? 0) + 1;
  }
  keepRoom(next);
}

// recount asks how much of a room is unread: a message that was may be no
// more. It asks once for all that are deleted within a moment.
function recount(id: string): void {
  if (recounting.has(id)) return;
  recounting.add(id);
  window.setTimeout(() => {
    recounting.delete(id);
    api.unread(id).then((e) => count(id, e), () => undefined); // the next start has it right
  }, 200);
}

const recounting = new Set<string>();

// mostUnread is up to how many unread messages are counted: as the server does.
export const mostUnread = 100;

function isNews(m: Message): boolean {
  const me = state.start.value?.me.id;
  return !m.gone && !m.edited && !imported(m) && !aside(m) && (m.type === "plain" || m.type === "notification") && personOf(m.author)?.id !== me;
}

// callsMe says whether a message mentions the one who is signed in.
export function callsMe(m: Message): boolean {
  const me = state.start.value?.me.id;
  return m.everyone === "all" || (m.calls ?? []).some((id) => id === me || personOf(id)?.id === me);
}

// putRoom keeps what is known of a room: in the sidebar if one is in it, and
// on the page if it is shown.
export function putRoom(room: Room): void {
  learnMark(room);
  keepRoom(room);
}

function keepRoom(room: Room): void {
  const rooms = new Map(state.rooms.value);
  if (room.member) rooms.set(room.id, merged(rooms.get(room.id), room));
  else rooms.delete(room.id);
  state.rooms.value = rooms;
  const o = state.opened.value;
  if (o?.id === room.id && o.details) state.opened.value = { ...o, details: merged(o.details, room) };
}

// merged keeps what only some answers say of a room.
function merged(old: Room | undefined, fresh: Room): Room {
  if (!old) return fresh;
  const room = { ...fresh, last: Math.max(old.last ?? 0, fresh.last ?? 0) };
  for (const key of ["with", "members", "messages", "first", "people", "admins", "owner", "may", "read", "unread", "mentions"] as const) {
    if (room[key] === undefined && old[key] !== undefined) Object.assign(room, { [key]: old[key] });
  }
  return room;
}

function dropRoom(id: string): void {
  const rooms = new Map(state.rooms.value);
  rooms.delete(id);
  state.rooms.value = rooms;
  if (state.opened.value?.id === id) reload(id);
}

// read takes in one's own mark. What was counted is not counted again when
// its message comes; a mark that was set back is heard of twice where that
// was done.
function read(id: string, e: Event): void {
  const room = state.rooms.value.get(id);
  if (!room || (e.back ? e.read === toldOf(id) : (e.read ?? 0) < (room.read ?? 0))) return;
  count(id, e);
}

function count(id: string, e: Event): void {
  const room = state.rooms.value.get(id);
  if (room) keepRoom({ ...room, read: e.read ?? 0, unread: e.unread ?? 0, mentions: e.mentions ?? 0, last: Math.max(room.last ?? 0, e.last ?? 0) });
}

export function putPerson(person: Person): void {
  state.people.value = new Map(state.people.value).set(person.id, person);
  const start = state.start.value;
  if (start?.me.id !== person.id) return;
  // What a person no longer has is not among what is said of them.
  const { avatar: _avatar, title: _title, mention: _mention, ...mine } = start.me;
  state.start.value = { ...start, me: { ...mine, ...person } };
}

function putEmoticon(shortcut: string, url: string): void {
  const start = state.start.value;
  if (!start) return;
  const { [shortcut]: _, ...others } = start.emoticons ?? {};
  state.start.value = { ...start, emoticons: url ? { ...others, [shortcut]: url } : others };
}

function putPlace(place: Place): void {
  const start = state.start.value;
  if (!start) return;
  const { announcement: _, ...others } = start;
  state.start.value = {
    ...others, place: place.name, address: place.address, state: place.state, client: place.client,
    ...(place.announcement ? { announcement: place.announcement } : {}), ...(place.moved ? { moved: place.moved } : {}),
  };
}

function putPresence(people: Record<string, string>, whole: boolean): void {
  const presence = new Map(whole ? [] : state.presence.value);
  for (const [id, is] of Object.entries(people)) {
    if (is === "offline") presence.delete(id);
    else presence.set(id, is);
  }
  state.presence.value = presence;
}
