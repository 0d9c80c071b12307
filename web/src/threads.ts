// Threads: the one that is open beside its room, and those that one follows.
import { batch, computed, signal } from "@preact/signals";
import { call, faultOf, query, type Fault, type Where } from "./api";
import type { Follow, Message, Thread, Threads } from "./api.gen";
import { compare } from "./history";
import { signedOut } from "./session";
import { personOf, state } from "./state";
import { sayFault } from "./ui";
import { learnSaved } from "./talk";

const part = encodeURIComponent;

const calls = {
  page: (id: string, where: Where) => call<Thread>("GET", `/messages/${part(id)}/thread` + query({ limit: "50", ...where })),
  follow: (id: string, on: boolean) => call<Follow>(on ? "PUT" : "DELETE", `/messages/${part(id)}/follow`),
  read: (id: string, read: number) => call<Follow>("POST", `/messages/${part(id)}/read`, { read }),
  list: (skip: number, unread: boolean) =>
    call<Threads>("GET", "/threads" + query({ skip: skip ? String(skip) : "", unread: unread ? "1" : "", ids: skip || unread ? "" : "1" })),
};

export interface OpenThread {
  id: string; // of the message that it hangs on
  room: string;
  root: Message | null;
  messages: Message[];
  older: string;
  newer: string;
  following: boolean;
  readTo: number; // up to when it had been read as it was opened
  loaded: boolean;
  loading: boolean;
  marked: string;
  fault: Fault | null;
}

export const thread = signal<OpenThread | null>(null);

// followed are the threads that one follows, and whether something in them is
// new.
export const followed = signal<ReadonlyMap<string, boolean>>(new Map());
export const unreadThreads = computed(() => [...followed.value.values()].filter(Boolean).length);

function mark(id: string, unread: boolean | null): void {
  if ((followed.value.get(id) ?? null) === unread) return;
  const next = new Map(followed.value);
  if (unread === null) next.delete(id);
  else next.set(id, unread);
  followed.value = next;
}

// learnFollowed finds out which threads one follows.
export async function learnFollowed(): Promise<void> {
  try {
    const [all, fresh] = await Promise.all([calls.list(0, false), calls.list(0, true)]);
    const next = new Map<string, boolean>();
    for (const id of all.following ?? []) next.set(id, false);
    for (const t of [...all.threads, ...fresh.threads]) next.set(t.root.id, t.unread === true);
    followed.value = next;
  } catch {
    // The next beginning asks again; until then only what is new is known.
  }
}

export async function threadPage(skip: number): Promise<Threads> {
  const page = await calls.list(skip, false);
  batch(() => {
    for (const t of page.threads) mark(t.root.id, t.unread === true);
    learnSaved(page.threads.flatMap((t) => [t.root, ...t.newest]), page.saved);
  });
  return page;
}

function change(id: string, to: Partial<OpenThread>): void {
  const t = thread.value;
  if (t?.id === id) thread.value = { ...t, ...to };
}

// openThread shows a thread, at its newest reply or around one.
export function openThread(room: string, id: string, around = ""): void {
  const t = thread.value;
  if (t?.id === id && t.loaded && !t.fault) {
    if (!around) return;
    if (t.messages.some((m) => m.id === around)) return change(id, { marked: around });
  }
  thread.value = {
    id, room, root: null, messages: [], older: "", newer: "", following: false, readTo: 0, loaded: false, loading: true, marked: around, fault: null,
  };
  void load(id, around ? { around } : {}, true);
}

export function closeThread(): void {
  thread.value = null;
}

async function load(id: string, where: Where, fresh: boolean): Promise<void> {
  change(id, { loading: true });
  try {
    const page = await calls.page(id, where);
    const t = thread.value;
    if (t?.id !== id) return;
    const messages = fresh ? page.messages : merge(t.messages, page.messages);
    batch(() => {
      learnSaved([page.root, ...page.messages], page.saved);
      change(id, {
        root: page.root, messages, following: page.following, loaded: true, loading: false, fault: null,
        older: fresh || where.before ? page.older ?? "" : t.older, newer: fresh || where.after ? page.newer ?? "" : t.newer,
        ...(fresh ? { readTo: page.following ? page.read : 0 } : {}),
      });
    });
    readThread();
  } catch (e) {
    const fault = faultOf(e);
    if (fault.kind === "unknown") signedOut();
    else change(id, { loaded: true, loading: false, fault });
  }
}

export function moreReplies(side: "older" | "newer"): void {
  const t = thread.value;
  if (!t || t.loading || !t[side]) return;
  void load(t.id, side === "older" ? { before: t.older } : { after: t.newer }, false);
}

// reloadThread fetches again what is shown, after much was missed.
export function reloadThread(): void {
  const t = thread.value;
  if (t?.loaded) void load(t.id, {}, true);
}

function merge(a: Message[], b: Message[]): Message[] {
  const all = new Map([...a, ...b].map((m) => [m.id, m]));
  return [...all.values()].sort(compare);
}

// receiveReply takes in what came for a thread: a reply, or another state of
// one, or of the message that it hangs on.
export function receiveReply(m: Message): void {
  const t = thread.value;
  if (t && m.id === t.id) change(t.id, { root: m });
  if (!m.thread) return;
  if (t?.id === m.thread) {
    const held = t.messages.some((x) => x.id === m.id);
    if (held || !t.newer) change(t.id, { messages: merge(t.messages, [m]) });
  }
  const news = !m.gone && !m.edited && m.id[14] !== "8" && personOf(m.author)?.id !== state.start.value?.me.id;
  if (!news || !followed.value.has(m.thread)) return;
  if (t?.id === m.thread && !document.hidden && !t.newer) readThread();
  else if (!followed.value.get(m.thread) && m.sent > (reads.get(m.thread) ?? 0)) mark(m.thread, true);
}

// reads is up to when threads were read, as far as it was said.
const reads = new Map<string, number>();

// putFollow takes in that one follows a thread, or no more, or has read it.
export function putFollow(id: string, following: boolean, read: number): void {
  const t = thread.value;
  if (t?.id === id) change(id, { following });
  const before = reads.get(id) ?? 0;
  reads.set(id, Math.max(before, read));
  if (!following) mark(id, null);
  else if (!followed.value.has(id) || read > before) mark(id, false);
}

export async function follow(id: string, on: boolean): Promise<void> {
  try {
    const f = await calls.follow(id, on);
    putFollow(f.thread, f.following, f.read);
  } catch (e) {
    sayFault(faultOf(e));
  }
}

// readThread says that the thread that is open was read up to its newest
// reply, if somebody looks at it.
export function readThread(): void {
  const t = thread.value;
  const last = t?.messages.findLast((m) => !m.gone)?.sent ?? 0;
  if (!t?.loaded || !t.following || t.newer || document.hidden || !last || last <= (reads.get(t.id) ?? 0)) return;
  reads.set(t.id, last);
  mark(t.id, false);
  calls.read(t.id, last).then((f) => putFollow(f.thread, f.following, f.read), () => reads.delete(t.id));
}

export function forgetThreads(): void {
  thread.value = null;
  followed.value = new Map();
  reads.clear();
}
