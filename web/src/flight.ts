// A move between two places in use, as this place knows it: the calls of the
// API, and what of a status the page goes by.
import { call } from "./api";
import type { Flight } from "./api.gen";
import type { KindStatus, Status } from "./move.gen";
import { words } from "./words";

export const flights = {
  look: (signal?: AbortSignal) => call<Flight>("GET", "/admin/flight", undefined, signal),
  order: (move: string, word: string, args = "") => call<unknown>("POST", "/admin/flight/orders", { move, word, args }),
};

// statusOf is what the mover said last; null if it has not said anything, or
// is of a version that this page does not know.
export function statusOf(f: Flight): Status | null {
  const s = f.status as Status | undefined;
  return s && s.version === 1 && typeof s.stage === "string" ? s : null;
}

// silentFor is for how many microseconds the mover has said nothing, if that
// is long enough to be told.
export function silentFor(f: Flight): number {
  const d = f.now - (f.told ?? f.now);
  return d > 10_000_000 ? d : 0;
}

export const stations = ["plan", "presync", "follow", "freeze", "verify", "cutover", "reverse"] as const;

// stationOf is the index of the station that a stage is at.
export function stationOf(stage: string): number {
  if (stage === "complete") return stations.length;
  return stations.indexOf((stage === "delta" ? "freeze" : stage) as (typeof stations)[number]);
}

export interface Progress {
  name: string;
  done: number;
  all: number;
}

// progressOf sums up the kinds that few people know by their names.
// After a hand-over there is nothing of it: all was there already.
export function progressOf(kinds: KindStatus[] | null, turn: number): Progress[] {
  if (turn > 0) return [];
  const out: Progress[] = [];
  const rest: Progress = { name: words.flightRest, done: 0, all: 0 };
  for (const k of kinds ?? []) {
    const name = words.flightKinds[k.kind];
    if (name) out.push({ name, done: k.done, all: Math.max(k.all, k.done) });
    else {
      rest.done += k.done;
      rest.all += Math.max(k.all, k.done);
    }
  }
  return rest.all > 0 ? [...out, rest] : out;
}

// Times in a status are RFC 3339; the rest of the page counts microseconds.
export const micros = (at: string) => Date.parse(at) * 1000;

// span says how long something takes that may be shorter than a second. A
// status counts nanoseconds.
export function span(nanos: number): string {
  const seconds = nanos / 1e9;
  const digits = (n: number, d: number) => n.toLocaleString(words.locale, { maximumFractionDigits: d });
  if (seconds < 1) return `${digits(seconds * 1000, 0)} ms`;
  if (seconds < 60) return `${digits(seconds, seconds < 10 ? 1 : 0)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${digits(seconds % 60, 0)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

// acts are the orders that make sense at a stage, in the order of the buttons.
// The first of the next step is the one that stands out.
export function acts(s: Status): string[] {
  const list: string[] = [];
  if (s.stage === "presync" || s.stage === "follow") list.push(...(s.planned ? ["wait"] : []), "cutover", s.paused ? "resume" : "pause", "verify", s.turn > 0 ? "complete" : "abort");
  if (s.stage === "reverse") list.push("complete", "rollback", s.paused ? "resume" : "pause", "verify");
  return list;
}
