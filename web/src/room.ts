// What can be done with the room that is shown: open it, load more of its
// history, go to a day or a message.
import { batch } from "@preact/signals";
import { api, faultOf, type Where } from "./api";
import type { History, Message } from "./api.gen";
import { putRoom } from "./apply";
import { showing } from "./feed";
import { addNewer, addOlder, aroundOf, compare, messagesOf, newerOf, olderOf, putMessage, type Page } from "./history";
import { lookAgain, read } from "./marks";
import { go, roomPath } from "./route";
import { signedOut } from "./session";
import { state, type Opened, type Seek } from "./state";
import { learnSaved } from "./talk";

let inFlight: AbortController | null = null;

function blank(id: string): Opened {
  return {
    id, details: null, pages: [], loaded: false, loading: "", seek: null, marked: "", news: false,
    readTo: newFrom(id), fault: null,
    edge: { older: null, newer: null },
  };
}

// newFrom returns up to when a room was read, if something in it is new.
function newFrom(id: string): number {
  const room = state.rooms.value.get(id);
  return room?.unread ? room.read ?? 0 : 0;
}

export const same = (id: string): Opened | null => (state.opened.value?.id === id ? state.opened.value : null);

export function change(id: string, part: Partial<Opened>): void {
  const o = same(id);
  if (o) state.opened.value = { ...o, ...part };
}

function pageOf(h: History): Page {
  learnSaved(h.messages ?? [], h.saved);
  return { messages: h.messages ?? [], older: h.older ?? "", newer: h.newer ?? "" };
}

// openRoom shows a room at its newest message, or at one message.
export function openRoom(id: string, message = ""): void {
  const o = same(id);
  if (o && message && messagesOf(o.pages).some((m) => m.id === message)) {
    change(id, { marked: message, seek: { to: "message", id: message, mark: true } });
    return;
  }
  if (o?.loaded && !message && !o.fault) {
    change(id, { marked: "" });
    return;
  }
  if (!o) lookAgain();
  batch(() => {
    if (!o) state.opened.value = blank(id);
    read(id);
  });
  showing();
  if (!o) void details(id);
  void jump(id, message ? { around: message } : {}, message ? { to: "message", id: message, mark: true } : { to: "newest" });
}

export function closeRoom(): void {
  inFlight?.abort();
  state.opened.value = null;
  showing();
}

async function details(id: string): Promise<void> {
  try {
    const room = await api.room(id);
    batch(() => {
      change(id, { details: room });
      putRoom(room);
    });
  } catch {
    // The history's own request says what is wrong, to the same person.
  }
}

// jump replaces what is held by another part of the history.
export async function jump(id: string, where: Where, seek: Seek): Promise<void> {
  inFlight?.abort();
  const control = new AbortController();
  inFlight = control;
  late = [];
  try {
    const first = await api.history(id, where, control.signal);
    let page = pageOf(first);
    if (where.around && first.thread && !control.signal.aborted) go(roomPath(id, where.around, first.thread), true);
    if (where.at && !page.messages.length && page.older) page = pageOf(await api.history(id, {}, control.signal));
    if (control.signal.aborted) return;
    change(id, {
      pages: page.messages.length ? [page] : [], loaded: true, loading: "", seek, fault: null, news: false,
      marked: seek.to === "message" && seek.mark ? seek.id : "", edge: { older: null, newer: null },
    });
    catchUp();
  } catch (e) {
    if (control.signal.aborted) return;
    const fault = faultOf(e);
    if (fault.kind === "unknown") signedOut();
    else change(id, { loaded: true, loading: "", fault });
  }
}

export const toNewest = (id: string) => jump(id, {}, { to: "newest" });
export const toDay = (id: string, day: string) => jump(id, { at: day }, { to: "top" });

// loadOlder fetches the page before those held; loadNewer the one behind.
export function loadOlder(): void {
  void load("older");
}

export function loadNewer(): void {
  void load("newer");
}

function whereOf(o: Opened, side: "older" | "newer"): Where | null {
  const cursor = side === "older" ? olderOf(o.pages) : newerOf(o.pages);
  if (!cursor) return null;
  const around = aroundOf(cursor);
  if (around) return { around };
  return side === "older" ? { before: cursor } : { after: cursor };
}

async function load(side: "older" | "newer"): Promise<void> {
  const o = state.opened.value;
  if (!o || o.loading || !o.loaded || o.fault) return;
  const where = whereOf(o, side);
  if (!where) return;
  change(o.id, { loading: side, edge: { ...o.edge, [side]: null } });
  const control = inFlight;
  try {
    const page = pageOf(await api.history(o.id, where, control?.signal));
    const now = same(o.id);
    if (!now || control?.signal.aborted) return;
    const pages = side === "older" ? addOlder(now.pages, page) : addNewer(now.pages, page);
    change(o.id, { pages, loading: "", news: newerOf(pages) ? now.news : false });
    catchUp();
  } catch (e) {
    const now = same(o.id);
    if (!now || control?.signal.aborted) return;
    change(o.id, { loading: "", edge: { ...now.edge, [side]: faultOf(e) } });
  }
}

// late is what came while a page was on its way: the page may be older.
let late: Message[] = [];

// receive brings a message into the room that is shown.
export function receive(m: Message): void {
  const o = same(m.room);
  if (!o) return;
  if (!o.loaded || o.loading) late.push(m);
  if (!o.loaded) return;
  const put = putMessage(o.pages, m);
  const readTo = o.readTo || !document.hidden ? o.readTo : messagesOf(o.pages).at(-1)?.sent ?? 0;
  change(o.id, put.gap ? { news: true } : { pages: put.pages, readTo });
}

function catchUp(): void {
  const list = late;
  late = [];
  for (const m of list) receive(m);
}

// opened is the server's word that it tells of a room from here on. Of rooms
// that one is not in it did not before.
export function opened(id: string): void {
  if (!state.rooms.value.has(id)) reload(id);
}

// reload fetches again what is held of the room that is shown: of the one
// given, or of any.
export function reload(id: string): void {
  const o = state.opened.value;
  if (!o || (id && o.id !== id) || !(o.loaded || o.fault)) return;
  void details(o.id);
  void again(o);
}

async function again(o: Opened): Promise<void> {
  const held = messagesOf(o.pages);
  const first = held[0];
  const control = inFlight;
  late = [];
  try {
    const pages: Page[] = [];
    if (newerOf(o.pages)) {
      pages.push(pageOf(await api.history(o.id, { around: held[held.length >> 1]!.id }, control?.signal)));
    } else {
      for (let before = ""; pages.length < o.pages.length || !pages.length; ) {
        const page = pageOf(await api.history(o.id, before ? { before } : {}, control?.signal));
        if (page.messages.length) pages.unshift(page);
        before = page.older ?? "";
        if (!before || !first || compare(page.messages[0]!, first) <= 0) break;
      }
    }
    if (!same(o.id) || control?.signal.aborted) return;
    change(o.id, { pages, loaded: true, fault: null });
    catchUp();
  } catch (e) {
    if (!same(o.id) || control?.signal.aborted) return;
    const fault = faultOf(e);
    if (fault.kind === "unknown") signedOut();
    else if (fault.kind === "not-found") change(o.id, { pages: [], fault });
  }
}

// renewMembers takes in that somebody came into the room that is shown, or
// left it.
export function renewMembers(id: string, who: string, gone: boolean): void {
  const o = same(id);
  if (!o?.details) return;
  const people = (o.details.people ?? []).filter((p) => p !== who);
  if (!gone) people.push(who);
  change(id, { details: { ...o.details, people, members: people.length } });
  // Who looks after the room may be others: asked for where it can be seen.
  if (state.dialog.value?.kind !== "details") return;
  clearTimeout(renewing);
  renewing = window.setTimeout(() => void details(id), 500);
}

let renewing = 0;
