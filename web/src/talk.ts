// What can be done with messages that are there: edit, delete, react, pin,
// save, correct. Answers have the shape of events, and are applied as such.
import { signal } from "@preact/signals";
import { call, faultOf, query } from "./api";
import type { Edit, Emoji, Event, Emoticon, Emoticons, Message, Pins, Revisions, SavedMessages } from "./api.gen";
import { apply } from "./apply";
import { messagesOf } from "./history";
import { signedOut } from "./session";
import { personOf, state } from "./state";
import { thread } from "./threads";
import { say, sayFault } from "./ui";
import { words } from "./words";

const part = encodeURIComponent;
const at = (id: string, rest = "") => `/messages/${part(id)}${rest}`;

export const talk = {
  source: (id: string) => call<Edit>("GET", at(id, "/source")),
  edit: (id: string, text: string) => call<Message>("PATCH", at(id), { text }),
  remove: (id: string) => call<Message>("DELETE", at(id)),
  react: (id: string, emoji: string, on: boolean) => call<Message>("POST", at(id, "/reactions"), { emoji, on }),
  pin: (id: string, on: boolean) => call<Message>(on ? "PUT" : "DELETE", at(id, "/pin")),
  save: (id: string, on: boolean) => call<Message>(on ? "PUT" : "DELETE", at(id, "/saved")),
  unread: (id: string) => call<Event>("POST", at(id, "/unread")),
  revisions: (id: string) => call<Revisions>("GET", at(id, "/revisions")),
  correct: (room: string, body: { old: string; new: string; all: boolean; thread?: string }) =>
    call<Message>("POST", `/rooms/${part(room)}/corrections`, body),
  pins: (room: string) => call<Pins>("GET", `/rooms/${part(room)}/pins`),
  saved: (skip: number) => call<SavedMessages>("GET", "/saved" + query({ skip: skip ? String(skip) : "" })),
  emoji: () => call<Emoji>("GET", "/emoji"),
  emoticons: () => call<Emoticons>("GET", "/emoticons"),
  addEmoticon: (shortcut: string, picture: Blob) => call<Emoticon>("POST", "/emoticons" + query({ shortcut }), picture),
  removeEmoticon: (id: string) => call<unknown>("DELETE", "/emoticons/" + part(id)),
  emoticonRule: (admins: boolean) => call<unknown>("PUT", "/emoticons", { admins }),
};

// saved are the messages that one has saved, as far as they are known.
export const saved = signal<ReadonlySet<string>>(new Set());

export function learnSaved(messages: Message[], list: string[] = []): void {
  const next = new Set(saved.value);
  for (const m of messages) next.delete(m.id);
  for (const id of list) next.add(id);
  if (next.size !== saved.value.size || list.some((id) => !saved.value.has(id))) saved.value = next;
}

export function forgetSaved(): void {
  saved.value = new Set();
  editing.value = null;
}

export function putSaved(id: string, on: boolean): void {
  if (saved.value.has(id) === on) return;
  const next = new Set(saved.value);
  if (on) next.add(id);
  else next.delete(id);
  saved.value = next;
}

// attempt runs a call, applies the message that it answers, and says what
// went wrong. It returns whether all went well.
export async function attempt(ask: Promise<Message>): Promise<boolean> {
  try {
    apply({ type: "message", message: await ask });
    return true;
  } catch (e) {
    const fault = faultOf(e);
    if (fault.kind === "unknown") signedOut();
    else sayFault(fault);
    return false;
  }
}

// mine tells whether the one who is signed in wrote a message.
export const mine = (m: Message) => Boolean(m.author) && personOf(m.author)?.id === state.start.value?.me.id;

export const mayEdit = (m: Message) => !m.gone && m.type === "plain" && mine(m) && mayWrite(m);

const room = (m: Message) => (state.opened.value?.id === m.room ? state.opened.value.details : null) ?? state.rooms.value.get(m.room);

export const mayWrite = (m: Message) => room(m)?.may_post === true;

export const spoken = (m: Message) => m.type === "plain" || m.type === "notification";

export const mayDelete = (m: Message) => !m.gone && spoken(m) && (mine(m) || state.start.value?.me.admin === true || room(m)?.may?.includes("remove") === true);

export async function toggle(m: Message, emoji: string): Promise<void> {
  const me = state.start.value?.me.id ?? "";
  const on = !m.reactions?.find((r) => r.emoji === emoji)?.people.some((id) => personOf(id)?.id === me);
  await attempt(talk.react(m.id, emoji, on));
}

export async function setSaved(m: Message, on: boolean): Promise<void> {
  if (!(await attempt(talk.save(m.id, on)))) return;
  putSaved(m.id, on);
  say(on ? words.savedNow : words.unsavedNow);
}

export async function setPinned(m: Message, on: boolean): Promise<void> {
  if (await attempt(talk.pin(m.id, on))) say(on ? words.pinnedNow : words.unpinnedNow);
}

// editing is the message whose text is being changed in its place.
export const editing = signal<{ id: string; text: string; inThread: boolean } | null>(null);

export async function beginEdit(m: Message, inThread: boolean): Promise<void> {
  try {
    editing.value = { id: m.id, text: (await talk.source(m.id)).text, inThread };
  } catch (e) {
    sayFault(faultOf(e));
  }
}

// editLast begins to edit one's last message in a room, or in the thread that
// is open, if it is among those that are held.
export function editLast(inThread: string): boolean {
  const list = inThread ? thread.value?.messages ?? [] : messagesOf(state.opened.value?.pages ?? []);
  const last = list.findLast((m) => mayEdit(m));
  if (!last) return false;
  void beginEdit(last, Boolean(inThread));
  return true;
}

// find returns a message that is held, in the room or in the thread.
export function find(id: string): Message | undefined {
  const t = thread.value;
  return messagesOf(state.opened.value?.pages ?? []).find((m) => m.id === id) ?? t?.messages.find((m) => m.id === id) ?? (t?.root?.id === id ? t.root : undefined);
}
