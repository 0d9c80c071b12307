// What the client does while its place moves to another server: it says after
// a while that messages are held, notices that another version of itself is
// served, and goes to a new address when what is written is sent.
import { effect, signal } from "@preact/signals";
import { call, faultOf } from "./api";
import type { Handover, SignedIn } from "./api.gen";
import { kept, keeping, keptKeys, put } from "./kept";
import { state } from "./state";
import { uploads } from "./uploads";
import { recall, keep, sayFault } from "./ui";
import { words } from "./words";

export const held = signal(false); // the place has been frozen for so long that it is said
export const newer = signal(false); // another version of this page is served
export const arrived = signal(false); // from another address, a moment ago

const heldAfter = 2000; // ms: most freezes are shorter
const quiet = 3000; // ms without a letter before somebody is taken elsewhere
const leaveSpread = 5000; // ms over which clients leave that could all do so at once
const leaveEvery = 1000;
const mostTaken = 100_000; // characters of what is taken along in an address

let client = "";
let typed = 0;
let leaving = 0;

export function watchMove(): void {
  let timer = 0;
  effect(() => {
    clearTimeout(timer);
    if (state.start.value?.state === "frozen") timer = window.setTimeout(() => (held.value = true), heldAfter);
    else held.value = false;
  });
  effect(() => {
    const now = state.start.value?.client ?? "";
    client ||= now;
    newer.value = now !== "" && now !== client;
  });
  addEventListener("keydown", () => (typed = Date.now()), true);
  effect(() => {
    const moved = state.start.value?.moved ?? "";
    clearTimeout(leaving);
    if (moved) leaving = window.setTimeout(leaveSoon, Math.random() * leaveSpread);
  });
}

// busy says whether something is on its way that would be left behind.
const busy = () => uploads.value.length > 0 || state.outbox.value.some((d) => d.state !== "failed" && d.state !== "sent");

function leaveSoon(): void {
  if (!state.start.value?.moved) return;
  if (busy() || Date.now() - typed < quiet || state.dialog.value) leaving = window.setTimeout(leaveSoon, leaveEvery);
  else void leave().catch(() => (leaving = window.setTimeout(leaveSoon, 10 * leaveEvery)));
}

export function leaveNow(): void {
  leave().catch((e: unknown) => sayFault(faultOf(e)));
}

// leave goes to the new address, and takes along what was not sent.
async function leave(): Promise<void> {
  const to = await call<Handover>("POST", "/session/handover", {});
  let taken = JSON.stringify({ of: Object.fromEntries(keptKeys("").filter(portable).map((k) => [k, kept(k)])), room: recall("room") ?? "" });
  if (taken.length > mostTaken) taken = "{}";
  location.replace(`${to.address}${location.pathname}${location.search}#${mark}${to.code}.${encodeURIComponent(taken)}`);
}

const mark = "handover=";

// portable is what may come along: what was begun, and what was refused. What
// is on its way is sent before.
function portable(key: string): boolean {
  return key.startsWith("draft.") || (key.startsWith("out.") && refused(kept(key)));
}

function refused(text: string): boolean {
  try {
    return Boolean((JSON.parse(text) as { fault?: unknown }).fault);
  } catch {
    return false;
  }
}

// arrive takes the session over that came along from another address.
export async function arrive(): Promise<void> {
  if (!location.hash.startsWith("#" + mark)) return;
  const [code = "", ...rest] = location.hash.slice(mark.length + 1).split(".");
  history.replaceState(null, "", location.pathname + location.search);
  try {
    const { id, again } = await call<SignedIn>("PUT", "/session/handover", { code });
    if (!id || again) return; // signed in here already
    keeping(id);
    unpack(rest.join("."));
    arrived.value = true;
  } catch {
    state.notice.value = words.notHandedOver;
  }
}

function unpack(text: string): void {
  try {
    const { of, room } = JSON.parse(decodeURIComponent(text)) as { of?: Record<string, unknown>; room?: unknown };
    for (const [key, value] of Object.entries(of ?? {})) {
      if (typeof value !== "string" || kept(key)) continue;
      if (key.startsWith("draft.") || (key.startsWith("out.") && refused(value))) put(key, value);
    }
    if (typeof room === "string" && room && !recall("room")) keep("room", room);
  } catch {
    // What came along is worth something only if it can be read.
  }
}
