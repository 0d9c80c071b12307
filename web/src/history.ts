// The part of a room's history that is held: a few neighbouring pages. Far
// pages are let go and fetched again, so that memory does not grow with how
// far somebody scrolls.
import type { History, Message } from "./api.gen";

export type Page = Pick<History, "messages" | "older" | "newer">;

// Cursors that begin so are not the server's: they name the last message that
// is held, and what follows it is found by asking for what is around it.
const aroundMark = "around:";

export const maxPages = 8;

export function compare(a: Message, b: Message): number {
  return a.sent - b.sent || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

export const messagesOf = (pages: Page[]): Message[] => pages.flatMap((p) => p.messages);
export const olderOf = (pages: Page[]): string => pages[0]?.older ?? "";
export const newerOf = (pages: Page[]): string => pages.at(-1)?.newer ?? "";

// aroundOf returns the message that a cursor of ours names, or "".
export function aroundOf(cursor: string): string {
  return cursor.startsWith(aroundMark) ? cursor.slice(aroundMark.length) : "";
}

// addOlder puts a page before those held, and lets go of the newest ones.
export function addOlder(pages: Page[], page: Page): Page[] {
  const first = messagesOf(pages)[0];
  const fresh = first ? page.messages.filter((m) => compare(m, first) < 0) : page.messages;
  const all = fresh.length ? [{ ...page, messages: fresh }, ...pages] : replaceFirst(pages, page.older ?? "");
  const kept = all.slice(0, maxPages);
  if (kept.length === all.length) return kept;
  return ended(kept);
}

// addNewer puts a page behind those held, and lets go of the oldest ones.
export function addNewer(pages: Page[], page: Page): Page[] {
  const last = messagesOf(pages).at(-1);
  const fresh = last ? page.messages.filter((m) => compare(m, last) > 0) : page.messages;
  const end = { ...page, messages: fresh };
  const all = fresh.length ? [...pages, end] : replaceLast(pages, page.newer ?? "");
  const kept = all.slice(-maxPages);
  if (kept.length === all.length) return kept;
  return begun(kept);
}

// pageLength is how many messages a page has that grows with the news.
const pageLength = 50;

// putMessage brings one message into those held: in the place of its older
// state, behind the newest, or between two others. It says whether the message
// is newer than all that are held, and there is a gap before it; then nothing
// was changed.
export function putMessage(pages: Page[], m: Message): { pages: Page[]; gap: boolean } {
  const all = messagesOf(pages);
  const first = all[0];
  const last = all.at(-1);
  if (!first || !last) return newerOf(pages) ? { pages, gap: true } : { pages: [{ messages: [m] }], gap: false };
  if (compare(m, last) > 0) {
    if (newerOf(pages)) return { pages, gap: true };
    const end = pages.at(-1)!;
    const grown = end.messages.length < pageLength ? [...pages.slice(0, -1), { ...end, messages: [...end.messages, m] }] : [...pages, { messages: [m] }];
    const kept = grown.slice(-maxPages);
    return { pages: kept.length === grown.length ? kept : begun(kept), gap: false };
  }
  if (compare(m, first) < 0 && olderOf(pages)) return { pages, gap: false };
  const at = Math.max(0, pages.findLastIndex((p) => p.messages[0] && compare(p.messages[0], m) <= 0));
  return { pages: pages.map((p, i) => (i === at ? { ...p, messages: inserted(p.messages, m) } : p)), gap: false };
}

function inserted(list: Message[], m: Message): Message[] {
  const at = list.findIndex((x) => compare(x, m) >= 0);
  if (at < 0) return [...list, m];
  return [...list.slice(0, at), m, ...list.slice(list[at]!.id === m.id ? at + 1 : at)];
}

function replaceFirst(pages: Page[], older: string): Page[] {
  return pages.map((p, i) => (i === 0 ? { ...p, older } : p));
}

function replaceLast(pages: Page[], newer: string): Page[] {
  return pages.map((p, i) => (i === pages.length - 1 ? { ...p, newer } : p));
}

function ended(pages: Page[]): Page[] {
  const last = pages.at(-1)!;
  return last.newer ? pages : replaceLast(pages, aroundMark + last.messages.at(-1)!.id);
}

function begun(pages: Page[]): Page[] {
  const first = pages[0]!;
  return first.older ? pages : replaceFirst(pages, aroundMark + first.messages[0]!.id);
}

// Group is what one author said within five minutes.
export interface Group {
  key: string;
  messages: Message[];
  fresh: boolean; // the first one that came while nobody looked
}

// Day is what was said on one day, in the reader's time zone.
export interface Day {
  key: string; // YYYY-MM-DD
  time: number; // of its first message
  groups: Group[];
}

const together = 5 * 60 * 1e6;

// dayKey returns the day of a time in the reader's time zone, YYYY-MM-DD.
export function dayKey(micros: number): string {
  const d = new Date(micros / 1000);
  const two = (n: number) => String(n).padStart(2, "0");
  return `${String(d.getFullYear()).padStart(4, "0")}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
}

function joins(a: Message, b: Message, since: number): boolean {
  const spoken = a.type === "plain" || a.type === "notification";
  return spoken && a.type === b.type && a.author === b.author && a.label === b.label && b.sent - since < together;
}

// daysOf divides messages, oldest first, into days and groups. What is newer
// than readTo, if that is not 0, begins a group that says so.
export function daysOf(messages: Message[], readTo = 0): Day[] {
  let unseen = readTo > 0;
  const days: Day[] = [];
  let day: Day | undefined;
  let group: Group | undefined;
  for (const m of messages) {
    const key = dayKey(m.sent);
    if (!day || day.key !== key) {
      day = { key, time: m.sent, groups: [] };
      days.push(day);
      group = undefined;
    }
    const head = group?.messages[0];
    const last = group?.messages.at(-1);
    const fresh = unseen && m.sent > readTo;
    if (fresh) unseen = false;
    if (group && head && last && !fresh && joins(last, m, head.sent)) {
      group.messages.push(m);
    } else {
      group = { key: m.id, messages: [m], fresh };
      day.groups.push(group);
    }
  }
  return days;
}
