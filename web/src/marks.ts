// Up to when rooms are read: what this client says of that, and what the
// server said.
//
// Marks go to the server over the feed, a little later, and "unread from here"
// by a request: either may overtake the other. So a mark says from which mark,
// of those that the server told of, it goes on; one that goes on from another
// one than that which was set back by hand is too late, and moves nothing.
import type { Event, Message, Room } from "./api.gen";
import { faultOf } from "./api";
import { apply } from "./apply";
import { say } from "./feed";
import { messagesOf, newerOf } from "./history";
import { change, same } from "./room";
import { state } from "./state";
import { talk } from "./talk";
import { say as tell, sayFault } from "./ui";
import { words } from "./words";

// unreadAgain is the room of which somebody said that it is unread: looking at
// it does not make it read until it is opened again.
let unreadAgain = "";

export function lookAgain(): void {
  unreadAgain = "";
}

// told is up to when rooms are read as the server said it last.
const told = new Map<string, number>();

export function learnMark(room: Room): void {
  if (room.read !== undefined) told.set(room.id, room.read);
}

export const toldOf = (room: string): number => told.get(room) ?? 0;

// unsaid is up to when rooms were read that the server does not know of yet,
// and from where on.
const unsaid = new Map<string, { time: number; from: number }>();
const sayReadEvery = 400; // ms
let readTimer = 0;

// markUnread makes a message the first unread one of its room.
export async function markUnread(m: Message): Promise<void> {
  const held = unsaid.get(m.room);
  unsaid.delete(m.room);
  unreadAgain = m.room;
  try {
    const event = await talk.unread(m.id);
    apply(event);
    known(event);
    change(m.room, { readTo: event.read ?? 0 });
    tell(words.markedUnread);
    read(m.room); // if it was opened again meanwhile
  } catch (e) {
    if (unreadAgain === m.room) unreadAgain = "";
    if (held && !unsaid.has(m.room)) tellRead(m.room, held.time, held.from);
    sayFault(faultOf(e));
  }
}

// read marks the room that is shown as read up to its newest message, if
// somebody looks at it.
export function read(id: string): void {
  const o = same(id);
  const room = state.rooms.value.get(id);
  if (!o?.loaded || !room || unreadAgain === id || document.hidden || newerOf(o.pages)) return;
  const time = Math.max(room.last ?? 0, messagesOf(o.pages).at(-1)?.sent ?? 0);
  if (!time || (time <= (room.read ?? 0) && !room.unread)) return;
  apply({ type: "read", id, read: time, last: time });
  tellRead(id, time, unsaid.get(id)?.from ?? toldOf(id));
}

function tellRead(room: string, time: number, from: number): void {
  unsaid.set(room, { time, from });
  if (!readTimer) readTimer = window.setTimeout(sayRead, sayReadEvery);
}

// sayRead tells the server what was read, again after a lost connection.
export function sayRead(): void {
  clearTimeout(readTimer);
  readTimer = 0;
  for (const [room, { time, from }] of unsaid) say({ type: "read", room, time, from });
}

// known takes in the server's word on a mark. What was read before it was set
// back is not read.
export function known(e: Event): void {
  if (e.type !== "read" || !e.id) return;
  const read = e.read ?? 0;
  const waits = unsaid.get(e.id);
  if (waits && (waits.time <= read || (e.back && waits.from !== read))) unsaid.delete(e.id);
  told.set(e.id, read);
}

export function forgetRead(): void {
  unsaid.clear();
  told.clear();
}
