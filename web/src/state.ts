// The state of the client: one store. Views read it, actions change it.
import { computed, signal } from "@preact/signals";
import type { Message, Person, Room, Start } from "./api.gen";
import type { Fault } from "./api";
import type { Page } from "./history";
import { words } from "./words";

// Limited: signed in, but a second factor must be set up before all else.
export type Phase = "loading" | "signed-out" | "ready" | "failed" | "limited";

// Seek says where the history is to be scrolled when it is next drawn.
export type Seek = { to: "newest" } | { to: "message"; id: string; mark: boolean } | { to: "top" };

// Opened is the room that is shown.
export interface Opened {
  id: string;
  details: Room | null; // with counts and members; null until they came
  pages: Page[];
  loaded: boolean;
  loading: "" | "older" | "newer";
  seek: Seek | null;
  marked: string; // the message that a permalink names
  news: boolean; // there is news below what is held
  readTo: number; // what is newer came while nobody looked; 0: nothing did
  fault: Fault | null; // the room did not open
  edge: { older: Fault | null; newer: Fault | null };
}

// Draft is a message that is not at the server yet, or whose answer is here
// but which the history does not have yet.
export interface Draft {
  nonce: string;
  room: string;
  text: string;
  files: string[]; // uploads
  thread: string; // the message that it answers
  shown: boolean; // a reply that is also sent to the room
  at: number;
  state: "sending" | "waiting" | "failed" | "sent"; // waiting: it is tried again by itself
  fault: Fault | null;
  message: Message | null;
  tries?: number;
}

export type Dialog =
  | { kind: "switcher" }
  | { kind: "help" }
  | { kind: "date" }
  | { kind: "details" }
  | { kind: "new-room" }
  | { kind: "new-talk" }
  | { kind: "invite"; room: string }
  | { kind: "pins" }
  | { kind: "commands" }
  | { kind: "revisions"; message: string }
  | { kind: "delete"; message: Message }
  | { kind: "call"; name: string; people: number; then: () => void }
  | { kind: "files" }
  | { kind: "picture"; message: string; file: string }
  | { kind: "link"; name: string; url: string; expires: number };

// Menu is what can be done with a room, where it was asked for.
export interface Menu {
  room: string;
  x: number;
  y: number;
}

export interface Card {
  person: string;
  x: number;
  y: number;
}

export const state = {
  phase: signal<Phase>("loading"),
  fault: signal<Fault | null>(null),
  notice: signal(""), // said once, above the sign-in form
  start: signal<Start | null>(null),
  rooms: signal<Map<string, Room>>(new Map()),
  people: signal<Map<string, Person>>(new Map()),
  presence: signal<Map<string, string>>(new Map()), // who is online or away; nobody else is here
  typing: signal<Map<string, Map<string, number>>>(new Map()), // room, who writes there, and until when (ms)
  opened: signal<Opened | null>(null),
  outbox: signal<Draft[]>([]),
  online: signal(true),
  dialog: signal<Dialog | null>(null),
  card: signal<Card | null>(null),
  menu: signal<Menu | null>(null),
  sidebar: signal(true), // shown on wide screens
  said: signal(""), // for a moment, at the foot and to screen readers
  preferences: signal<Record<string, string>>({}),
};

// personOf returns the person that is shown for an ID: where two are the
// same, the one of this place.
export function personOf(id: string | undefined): Person | undefined {
  if (!id) return undefined;
  const p = state.people.value.get(id);
  return p?.same ? state.people.value.get(p.same) ?? p : p;
}

// shownName is what people are called, as the one who looks prefers it.
export function shownName(p: Person | undefined): string {
  return (state.preferences.value.names === "mention" && p?.mention) || p?.name || "";
}

export function nameOf(id: string | undefined, label = ""): string {
  return label || shownName(personOf(id)) || words.someone; // what a program called itself in this message goes first
}

// roomName is what a room is called for the one who is signed in.
export function roomName(room: Room): string {
  if (room.name) return room.name;
  const others = (room.with ?? []).map((id) => nameOf(id));
  if (others.length) return others.join(", ");
  return words.justYou;
}

// otherOf returns the other person of a 1-1.
export function otherOf(room: Room): Person | undefined {
  return room.type === "direct" ? personOf(room.with?.[0]) : undefined;
}

// isHidden says whether a conversation was put out of the sidebar, and nothing
// is new in it since.
export const isHidden = (room: Room): boolean => !!room.hidden && (room.last ?? 0) <= room.hidden && room.id !== state.opened.value?.id;

export const roomsByPlace = computed(() => {
  const list = [...state.rooms.value.values()].map((room) => ({ room, name: roomName(room) }));
  const order = new Intl.Collator(words.locale, { numeric: true, sensitivity: "base" });
  list.sort((a, b) => (a.room.order || 1e9) - (b.room.order || 1e9) || order.compare(a.name, b.name));
  const all = list.map((x) => x.room);
  const live = all.filter((r) => !r.state && !isHidden(r));
  return {
    stars: live.filter((r) => r.star),
    rooms: live.filter((r) => !r.star && (r.type === "open" || r.type === "private")),
    people: live.filter((r) => !r.star && (r.type === "direct" || r.type === "group")),
  };
});

export const openedRoom = computed((): Room | null => {
  const o = state.opened.value;
  if (!o) return null;
  return o.details ?? state.rooms.value.get(o.id) ?? null;
});

export const waiting = computed(() => state.outbox.value.filter((d) => d.state !== "sent").length);
