// What can be done with the room that is shown: open it, load more of its
// history, go to a day or a message.
import { batch } from "@preact/signals";
import { api, faultOf, type Where } from "./api";
import type { History } from "./api.gen";
import { addNewer, addOlder, aroundOf, mergeNewest, messagesOf, newerOf, olderOf, type Page } from "./history";
import { arrived } from "./outbox";
import { putRoom, signedOut } from "./session";
import { state, type Opened, type Seek } from "./state";

let inFlight: AbortController | null = null;

function blank(id: string): Opened {
  return {
    id, details: null, pages: [], loaded: false, loading: "", seek: null, marked: "", news: false,
    readTo: state.unread.value.get(id) ?? 0, fault: null,
    edge: { older: null, newer: null },
  };
}

const same = (id: string): Opened | null => (state.opened.value?.id === id ? state.opened.value : null);

function change(id: string, part: Partial<Opened>): void {
  const o = same(id);
  if (o) state.opened.value = { ...o, ...part };
}

const pageOf = (h: History): Page => ({ messages: h.messages ?? [], older: h.older ?? "", newer: h.newer ?? "" });

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
  batch(() => {
    if (!o) state.opened.value = blank(id);
    read(id);
  });
  if (!o) void details(id);
  void jump(id, message ? { around: message } : {}, message ? { to: "message", id: message, mark: true } : { to: "newest" });
}

export function closeRoom(): void {
  inFlight?.abort();
  state.opened.value = null;
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
  try {
    let page = pageOf(await api.history(id, where, control.signal));
    if (where.at && !page.messages.length && page.older) page = pageOf(await api.history(id, {}, control.signal));
    if (control.signal.aborted) return;
    change(id, {
      pages: page.messages.length ? [page] : [], loaded: true, loading: "", seek, fault: null, news: false,
      marked: seek.to === "message" && seek.mark ? seek.id : "", edge: { older: null, newer: null },
    });
    arrived(page.messages);
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
    if (side === "newer") arrived(page.messages);
  } catch (e) {
    const now = same(o.id);
    if (!now || control?.signal.aborted) return;
    change(o.id, { loading: "", edge: { ...now.edge, [side]: faultOf(e) } });
  }
}

// refresh brings what is new into the room that is shown.
export async function refresh(id: string): Promise<void> {
  const o = same(id);
  if (!o || !o.loaded) return;
  if (newerOf(o.pages)) {
    change(id, { news: true });
    return;
  }
  const control = inFlight;
  const page = pageOf(await api.history(id, {}, control?.signal));
  const now = same(id);
  if (!now || control?.signal.aborted) return;
  const merged = mergeNewest(now.pages, page);
  if (merged.gap) {
    change(id, { pages: [page], seek: { to: "newest" } });
  } else {
    change(id, { pages: merged.pages, readTo: readTo(now, o) });
  }
  arrived(page.messages);
}

// readTo says from where on messages are new: they came while the page was
// in the background.
function readTo(now: Opened, before: Opened): number {
  if (now.readTo || !document.hidden) return now.readTo;
  return messagesOf(before.pages).at(-1)?.sent ?? 0;
}

// read marks a room as read by the one who looks at it.
export function read(id: string): void {
  if (!state.unread.value.has(id)) return;
  const unread = new Map(state.unread.value);
  unread.delete(id);
  state.unread.value = unread;
}
