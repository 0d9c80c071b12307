// Messages on their way to the server. Each is kept in this browser until the
// server has it, under a nonce by which sending it again posts it once: so it
// survives a reload, a crash, and the end of the server or of the session. In
// one room they are sent one after the other, in the order in which they were
// written, by one tab of the browser at a time.
import { batch } from "@preact/signals";
import { api, Fault, faultOf } from "./api";
import type { Message } from "./api.gen";
import { apply } from "./apply";
import { kept, keptKeys, otherTab, put } from "./kept";
import { signedOut } from "./session";
import { state, type Draft } from "./state";

export const maxText = 10_000;

const start = "out.";
const firstPause = 2000; // ms between two tries, growing up to longPause
const longPause = 60_000;

// What a later try may mend. All else is for the author to decide.
const passing = new Set(["offline", "unavailable", "too-many", "internal"]);
const mostTries = 5; // with an answer that says that the server itself is broken

// randomUUID is missing where the page came over plain HTTP.
function nonce(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

function change(nonce: string, part: Partial<Draft>): void {
  state.outbox.value = state.outbox.value.map((d) => (d.nonce === nonce ? { ...d, ...part } : d));
}

const find = (nonce: string) => state.outbox.value.find((d) => d.nonce === nonce);

// What is kept of a message: a fault only if nothing but its author helps.
interface Kept extends Pick<Draft, "nonce" | "room" | "text" | "files" | "thread" | "shown" | "at"> {
  fault?: { kind: string; text: string; hint: string };
}

function store(d: Draft): void {
  const { nonce, room, text, files, thread, shown, at, fault } = d;
  const out: Kept = { nonce, room, text, files, thread, shown, at };
  if (d.state === "failed" && fault) out.fault = { kind: fault.kind, text: fault.message, hint: fault.hint };
  put(start + nonce, JSON.stringify(out));
}

function restore(text: string): Draft | null {
  try {
    const { fault: f, ...k } = JSON.parse(text) as Kept;
    const fault = f ? new Fault(f.kind, f.text, f.hint) : null;
    return { ...k, state: fault ? "failed" : "sending", fault, message: null };
  } catch {
    return null;
  }
}

// What is also sent: files are IDs of uploads; a reply names its thread.
export interface Also {
  files?: string[];
  thread?: string;
  shown?: boolean;
}

let last = 0;

// send posts a message, now or when it is possible.
export function send(room: string, text: string, also: Also = {}): void {
  // Only the order matters, and only in this browser: the server gives times.
  last = Math.max(last + 1, Date.now() * 1000);
  const draft: Draft = {
    nonce: nonce(), room, text, files: also.files ?? [], thread: also.thread ?? "", shown: also.shown ?? false,
    at: last, state: "sending", fault: null, message: null,
  };
  store(draft);
  state.outbox.value = [...state.outbox.value, draft];
  const opened = state.opened.value;
  if (opened?.readTo && !draft.thread) state.opened.value = { ...opened, readTo: 0 };
  void work(room);
}

export function sendAgain(nonce: string): void {
  const draft = find(nonce);
  if (!draft || draft.state === "sent") return;
  change(nonce, { state: "sending", fault: null });
  store(find(nonce)!);
  hurryUp(draft.room);
}

export function discard(nonce: string): void {
  put(start + nonce, "");
  state.outbox.value = state.outbox.value.filter((d) => d.nonce !== nonce);
  letGo();
}

// loadOutbox takes up what the one who has signed in left here.
export function loadOutbox(): void {
  for (const key of keptKeys(start)) adopt(key);
}

export function clearOutbox(): void {
  for (const room of [...waits.keys()]) hurryUp(room);
  held = [];
  state.outbox.value = [];
}

function adopt(key: string): void {
  const draft = find(key.slice(start.length)) ? null : restore(kept(key));
  if (!draft) return;
  state.outbox.value = [...state.outbox.value, draft].sort((a, b) => a.at - b.at);
  void work(draft.room);
}

// watchOutbox follows what other tabs write and send.
export function watchOutbox(): void {
  otherTab((key) => {
    if (!key.startsWith(start)) return;
    const nonce = key.slice(start.length);
    const text = kept(key);
    if (!text) {
      state.outbox.value = state.outbox.value.filter((d) => d.nonce !== nonce || d.state === "sent");
      letGo();
    } else if (find(nonce)) {
      const now = restore(text);
      if (now && now.state !== find(nonce)!.state) change(nonce, { state: now.state, fault: now.fault });
      if (now?.state === "sending") hurryUp(now.room);
    } else {
      adopt(key);
    }
  });
}

// sendWaiting sends at once what waits for a better time.
export function sendWaiting(): void {
  state.outbox.value = state.outbox.value.map((d) => (d.state === "waiting" ? { ...d, state: "sending" } : d));
  for (const room of new Set(state.outbox.value.map((d) => d.room))) hurryUp(room);
}

// held are own messages that came by the feed while one of ours was on its
// way to the same room: it may be that one, and the answer says so.
let held: Message[] = [];

// heldBack says whether a message waits for the answer to one of ours.
export function heldBack(m: Message): boolean {
  if (m.author !== state.start.value?.me.id || m.edited || m.gone) return false;
  if (!locked.has(m.room) || !state.outbox.value.some((d) => d.room === m.room && d.state === "sending")) return false;
  held.push(m);
  return true;
}

function letGo(): void {
  const list = held;
  held = [];
  for (const message of list) apply({ type: "message", message });
}

// arrive takes out what the history has by now.
export function arrive(m: Message): void {
  if (!state.outbox.value.some((d) => d.message?.id === m.id)) return;
  state.outbox.value = state.outbox.value.filter((d) => d.message?.id !== m.id);
}

const working = new Set<string>(); // rooms in which this tab sends, or waits for another tab to end
const locked = new Set<string>(); // of these, those in which it sends
const waits = new Map<string, () => void>(); // rooms that wait for another try, and what ends that

function hurryUp(room: string): void {
  const wake = waits.get(room);
  if (wake) wake();
  else void work(room);
}

// work sends what waits in a room, until nothing does.
async function work(room: string): Promise<void> {
  if (working.has(room)) return;
  working.add(room);
  try {
    await alone(`godwit.${state.start.value?.me.id ?? ""}.${room}`, async () => {
      locked.add(room);
      for (let d = nextOf(room); d && state.start.value; d = nextOf(room)) await post(d);
    });
  } finally {
    working.delete(room);
    locked.delete(room);
    letGo();
  }
  if (state.start.value && nextOf(room)) void work(room);
}

// nextOf returns what is to be sent next. What is no longer kept another tab
// has sent, or thrown away.
function nextOf(room: string): Draft | undefined {
  for (const d of state.outbox.value) {
    if (d.room !== room || d.state === "failed" || d.state === "sent") continue;
    if (kept(start + d.nonce)) return d;
    state.outbox.value = state.outbox.value.filter((x) => x.nonce !== d.nonce);
    letGo();
  }
  return undefined;
}

// alone runs fn in one tab at a time. Over plain HTTP browsers have no locks:
// then several tabs may send the same, and the nonce makes it one.
function alone(name: string, fn: () => Promise<void>): Promise<void> {
  const locks = "locks" in navigator ? navigator.locks : undefined;
  return locks ? locks.request(name, fn) : fn();
}

async function post(d: Draft): Promise<void> {
  change(d.nonce, { state: "sending" });
  try {
    const { text, nonce, files, thread, shown } = d;
    const message = await api.post(d.room, { text, nonce, ...(files.length ? { files } : {}), ...(thread ? { thread, shown } : {}) });
    put(start + d.nonce, "");
    batch(() => {
      change(d.nonce, { state: "sent", message });
      apply({ type: "message", message });
      letGo();
    });
  } catch (e) {
    await fail(d, faultOf(e));
  }
}

async function fail(d: Draft, fault: Fault): Promise<void> {
  if (fault.kind === "unknown") return signedOut(); // it is kept for when they are back
  const tries = (find(d.nonce)?.tries ?? 0) + 1;
  if (passing.has(fault.kind) && (fault.kind !== "internal" || tries < mostTries)) {
    change(d.nonce, { state: "waiting", fault, tries });
    letGo();
    const usual = Math.min(longPause, firstPause * 2 ** (tries - 1)) * (0.75 + Math.random() / 2);
    return rest(d.room, Math.max(usual, fault.after * 1000));
  }
  change(d.nonce, { state: "failed", fault });
  const now = find(d.nonce);
  if (now) store(now);
  letGo();
}

function rest(room: string, ms: number): Promise<void> {
  return new Promise((done) => {
    const end = () => {
      clearTimeout(timer);
      waits.delete(room);
      done();
    };
    const timer = setTimeout(end, ms);
    waits.set(room, end);
  });
}
