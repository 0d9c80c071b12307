// Who is here, and who writes: what is never stored.
import { say } from "./feed";
import { state } from "./state";

const typingLasts = 5000; // ms after which somebody writes no more
const typingEvery = 3000; // ms between two times that we say that we do

let timer = 0;

// types takes in that somebody writes in a room.
export function types(room: string, who: string): void {
  const typing = new Map(state.typing.value);
  const people = new Map(typing.get(room) ?? []);
  people.set(who, Date.now() + typingLasts);
  state.typing.value = typing.set(room, people);
  if (!timer) timer = window.setInterval(tidy, 1000);
}

export function stopTyping(room: string, who: string): void {
  const people = state.typing.value.get(room);
  if (!people?.has(who)) return;
  const left = new Map(people);
  left.delete(who);
  state.typing.value = new Map(state.typing.value).set(room, left);
}

function tidy(): void {
  const now = Date.now();
  const typing = new Map<string, Map<string, number>>();
  for (const [room, people] of state.typing.value) {
    const left = new Map([...people].filter(([, until]) => until > now));
    if (left.size) typing.set(room, left);
  }
  state.typing.value = typing;
  if (typing.size) return;
  clearInterval(timer);
  timer = 0;
}

let said = 0;
let saidIn = "";

// iType says that one writes in a room, every now and then.
export function iType(room: string): void {
  if (saidIn === room && Date.now() - said < typingEvery) return;
  said = Date.now();
  saidIn = room;
  say({ type: "typing", room });
}

// wroteIt lets the next letter say so at once.
export function wroteIt(): void {
  said = 0;
}

const activeEvery = 60_000; // ms between two times that we say that we are here
const idleAfter = 5 * 60_000; // ms without a key or a pointer after which we are not

let active = 0;
let idle = 0;

let away = false; // somebody said so, and is not here until they say so

// setAway makes one be shown as away whatever one does, or no more.
export function setAway(on: boolean): void {
  away = on;
  if (on) {
    active = 1;
    rest();
  } else here();
}

// stir notes that somebody is at this device.
function stir(): void {
  if (away) return;
  clearTimeout(idle);
  idle = window.setTimeout(rest, idleAfter);
  if (Date.now() - active < activeEvery) return;
  active = Date.now();
  say({ type: "active", on: true });
}

function rest(): void {
  if (!active) return;
  active = 0;
  say({ type: "active" });
}

// here says anew whether somebody is here: on a new connection nobody is yet.
export function here(): void {
  active = 0;
  if (!document.hidden) stir();
}

export function watchPresence(): void {
  for (const kind of ["keydown", "pointerdown", "pointermove", "wheel"]) addEventListener(kind, stir, { passive: true });
  addEventListener("visibilitychange", () => (document.hidden ? rest() : stir()));
}
