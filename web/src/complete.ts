// What may be meant by the word that is being written: people after an @,
// rooms after a #, emoji after a colon or a parenthesis, commands after a
// slash at the beginning.
import { computed } from "@preact/signals";
import type { Person, Room } from "./api.gen";
import { commands, type Command } from "./commands";
import { custom, needEmoji, search, used, withTone, type Emoji } from "./emoji";
import { best, fold } from "./find";
import { roomPath } from "./route";
import { openedRoom, personOf, roomName, state } from "./state";
import { words } from "./words";

export type Offer =
  | { kind: "person"; key: string; text: string; person: Person }
  | { kind: "everyone"; key: string; text: string; name: string; note: string }
  | { kind: "room"; key: string; text: string; room: Room; name: string }
  | { kind: "emoji"; key: string; text: string; emoji: Emoji }
  | { kind: "command"; key: string; text: string; command: Command };

export interface Offers {
  from: number; // where the word begins that is replaced
  list: Offer[];
}

export const noOffers: Offers = { from: 0, list: [] };

const most = 8;

interface Known {
  person: Person;
  mention: string;
  name: string; // with a blank before each word
}

// Folded once for all keys: a place has thousands of people.
const people = computed((): Known[] =>
  [...state.people.value.values()]
    .filter((p) => p.mention && !p.off && !p.same)
    .map((person) => ({ person, mention: fold(person.mention ?? ""), name: " " + fold(person.name) })));

const inside = computed(() => new Set((openedRoom.value?.people ?? openedRoom.value?.with ?? []).map((id) => personOf(id)?.id)));

// rankOf is how well somebody fits, less is better; -1 is not at all.
function rankOf(k: Known, word: string): number {
  if (!word) return 2;
  if (k.mention === word) return 0;
  if (k.mention.startsWith(word)) return 1;
  if (k.name.includes(" " + word)) return 2;
  if (k.mention.includes(word)) return 4;
  return -1;
}

function offerPeople(word: string): Offer[] {
  const w = fold(word);
  const here = inside.value;
  const found: { k: Known; rank: number }[] = [];
  for (const k of people.value) {
    const rank = rankOf(k, w);
    const member = here.has(k.person.id);
    if (rank < 0 || (!w && !member)) continue;
    found.push({ k, rank: rank + (member ? 0 : 10) });
  }
  found.sort((a, b) => a.rank - b.rank || a.k.name.length - b.k.name.length || (a.k.name < b.k.name ? -1 : 1));
  const list: Offer[] = found.slice(0, most).map(({ k }) => ({ kind: "person", key: k.person.id, text: `@${k.person.mention} `, person: k.person }));
  const all: Offer[] = [["all", words.everyoneAll], ["here", words.everyoneHere]]
    .filter(([name]) => name!.startsWith(w))
    .map(([name, note]) => ({ kind: "everyone", key: name!, text: `@${name} `, name: name!, note: note! }));
  if (openedRoom.value?.type === "direct") return list;
  return w ? [...all, ...list].slice(0, most) : [...list.slice(0, most - all.length), ...all];
}

const escaped = (name: string) => name.replace(/[\\[\]`*_]/g, "\\$&");

function offerRooms(word: string): Offer[] {
  const named = [...state.rooms.value.values()].filter((r) => r.name);
  return best(named, word, (r) => r.name, most).map((room) => ({
    kind: "room", key: room.id, text: `[#${escaped(room.name)}](${location.origin}${roomPath(room.id)}) `, room, name: roomName(room),
  }));
}

function offerEmoji(word: string): Offer[] {
  return search(word, most).map((emoji) => ({ kind: "emoji", key: emoji.emoji, text: (emoji.url ? emoji.emoji : withTone(emoji)) + " ", emoji }));
}

function offerEmoticons(word: string): Offer[] {
  const w = fold(word);
  return custom().filter((e) => e.codes[0]!.startsWith(w)).slice(0, most)
    .map((emoji) => ({ kind: "emoji", key: emoji.emoji, text: `(${emoji.codes[0]}) `, emoji }));
}

function offerCommands(word: string): Offer[] {
  return commands.filter((c) => c.names.some((n) => n.startsWith(word.toLowerCase())) && (!c.fits || c.fits()))
    .slice(0, 12)
    .map((command) => ({ kind: "command", key: command.names[0]!, text: `/${command.names.find((n) => n.startsWith(word.toLowerCase()))} `, command }));
}

const shapes: { at: RegExp; offer: (word: string) => Offer[]; emoji?: boolean; start?: boolean }[] = [
  { at: /^\/([a-z]*)$/i, offer: offerCommands, start: true },
  { at: /(?:^|[\s([{])@([\p{L}\p{N}._-]*)$/u, offer: offerPeople },
  { at: /(?:^|[\s(])#([\p{L}\p{N}][^#\n]{0,30}|)$/u, offer: offerRooms },
  { at: /(?:^|[\s([{])(?<!:):([\p{L}\p{N}_+-]{2,})$/u, offer: offerEmoji, emoji: true },
  { at: /(?:^|\s)\(([\p{L}\p{N}_+-]+)$/u, offer: offerEmoticons },
];

// offersAt returns what may be meant by the word that ends at the cursor.
// Commands are offered only where a text of its own is written.
export function offersAt(text: string, cursor: number, withCommands: boolean): Offers {
  const before = text.slice(Math.max(0, cursor - 80), cursor);
  const cut = cursor - before.length;
  if (inCode(text.slice(0, cursor))) return noOffers;
  for (const s of shapes) {
    if (s.start && (!withCommands || cut)) continue;
    const m = s.at.exec(before);
    if (!m) continue;
    if (s.emoji) void needEmoji();
    const word = m[1] ?? "";
    const list = s.offer(word);
    if (list.length) return { from: cursor - word.length - 1, list };
  }
  return noOffers;
}

// inCode tells whether a fence is open: what is written there is nobody's name.
function inCode(before: string): boolean {
  let open = false;
  for (const line of before.split("\n")) if (/^ {0,3}(?:```|~~~)/.test(line)) open = !open;
  return open;
}

export function chosen(o: Offer): void {
  if (o.kind === "emoji") used(o.emoji.emoji);
}
