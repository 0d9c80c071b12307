// The feed: one WebSocket over which the server says what is new. When it is
// lost it is opened again, and goes on where it ended.
import { api, faultOf } from "./api";
import type { Event, Frame, Said } from "./api.gen";
import { apply } from "./apply";
import { known, sayRead } from "./marks";
import { sendWaiting } from "./outbox";
import { here } from "./presence";
import { reload } from "./room";
import { signedOut, take } from "./session";
import { state } from "./state";

// The codes with which the server closes a feed (internal/api/feed.go).
const codes = { policy: 1008, restart: 1012, ended: 4001 };

const firstPause = 500; // ms between two tries, growing up to longPause
const longPause = 30_000;
const barAfter = 1500; // ms without a connection after which that is said
const deafAfter = 65_000; // ms without a frame after which the connection is taken for dead: one comes every 25 s
const lookEvery = 5000;
const afreshSpread = 2000; // ms over which clients start afresh that were told so together

let socket: WebSocket | null = null;
let cursor = "";
let running = false;
let pause = firstPause;
let heard = 0; // when the last frame came
let looked = 0;
let timer = 0;
let bar = 0;
let watch = 0;

// watchFeed listens until stopFeed. It is started once for each sign-in.
export function watchFeed(): void {
  stopFeed();
  running = true;
  cursor = state.start.value?.cursor ?? "";
  looked = Date.now();
  watch = window.setInterval(look, lookEvery);
  connect();
}

export function stopFeed(): void {
  running = false;
  clearTimeout(timer);
  clearTimeout(bar);
  clearInterval(watch);
  bar = 0;
  hangUp();
}

function hangUp(): void {
  const old = socket;
  socket = null;
  old?.close();
}

// say tells the server something; without a connection it is not told.
export function say(said: Said): void {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(said));
}

// hurry tries at once what would be tried later, when there is reason to
// think that it works now.
export function hurry(): void {
  if (!running) return;
  if (socket && Date.now() - heard > deafAfter) lost(0);
  if (socket) return;
  pause = firstPause;
  again(0);
}

// look finds out that the machine slept, or that nothing comes any more.
function look(): void {
  const slept = Date.now() - looked > 4 * lookEvery;
  looked = Date.now();
  if (slept) hurry();
  else if (socket && Date.now() - heard > deafAfter) lost(0);
}

function again(ms: number): void {
  clearTimeout(timer);
  timer = window.setTimeout(connect, ms);
}

function connect(): void {
  if (!running) return;
  hangUp();
  const q = new URLSearchParams({ cursor });
  const shown = state.opened.value?.id;
  if (shown) q.append("open", shown);
  const s = new WebSocket(`${location.origin.replace(/^http/, "ws")}/api/v1/feed?${q.toString()}`);
  socket = s;
  heard = Date.now();
  let open = false;
  s.onopen = () => {
    open = true;
  };
  s.onmessage = (e) => {
    if (s === socket && typeof e.data === "string") hear(JSON.parse(e.data) as Frame);
  };
  s.onclose = (e) => {
    if (s !== socket) return;
    socket = null;
    if (e.code === codes.ended) return signedOut();
    if (!open) return void refused();
    const ms = pauseAfter(e.code, e.reason);
    lost(ms, e.code === codes.restart ? ms : 0);
  };
}

// pauseAfter says how long to wait before coming back: some come at once, and
// many who were sent away together come one after the other.
function pauseAfter(code: number, reason: string): number {
  if (code === codes.restart) return Math.random() * 1000 * Math.max(0.5, Number(reason) || 0);
  if (code === codes.policy) return longPause;
  const ms = pause * (0.5 + Math.random());
  pause = Math.min(pause * 2, longPause);
  return ms;
}

// lost comes back after a while. Patience is how much longer than usual
// nothing is said of that: the server asked for it.
function lost(ms: number, patience = 0): void {
  hangUp();
  if (!bar) bar = window.setTimeout(() => (state.online.value = false), barAfter + patience);
  again(ms);
}

// refused asks why no connection was made: a WebSocket does not say.
async function refused(): Promise<void> {
  const kind = await api.feedFault();
  if (!running || socket) return;
  if (kind === "unknown") return signedOut();
  if (kind === "offline") state.online.value = false;
  lost(pauseAfter(0, ""));
}

function hear(frame: Frame): void {
  heard = Date.now();
  const events = frame.events ?? [];
  if (events.some((e) => e.type === "afresh")) return void afresh();
  cursor = frame.cursor;
  // First, so that what was sent before the connection was lost, and is among
  // the events, is not shown beside what still waits for its answer.
  if (events.some(isFirst)) connected();
  apply(...events);
  events.forEach(known);
}

// The first frame of a connection says who is here.
const isFirst = (e: Event) => e.type === "presence" && e.whole === true;

function connected(): void {
  pause = firstPause;
  clearTimeout(bar);
  bar = 0;
  state.online.value = true;
  here();
  showing();
  sayRead();
  sendWaiting();
}

// showing tells the server which room is shown: it tells more of that.
export function showing(): void {
  const id = state.opened.value?.id;
  say({ type: "open", rooms: id ? [id] : [] });
}

// afresh fetches everything again, when what was missed is too much or nobody
// knows what it is.
async function afresh(): Promise<void> {
  hangUp();
  clearTimeout(timer);
  await new Promise((done) => setTimeout(done, Math.random() * afreshSpread));
  if (!running) return;
  try {
    const start = await api.start();
    if (!running) return;
    take(start);
    cursor = start.cursor;
    reload("");
    connect();
  } catch (e) {
    if (!running) return;
    if (faultOf(e).kind === "unknown") return signedOut();
    lost(pauseAfter(0, ""));
  }
}
