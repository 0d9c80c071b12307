// The standard emoji: fetched once when they are first needed. What was used
// lately, and the skin tone, are kept in this browser.
import { signal } from "@preact/signals";
import type { Emoji as List } from "./api.gen";
import { fold } from "./find";
import { state } from "./state";
import { talk } from "./talk";
import { keep, recall } from "./ui";

export interface Emoji {
  emoji: string; // itself, or :shortcut: of a custom one
  group: number; // -1: custom
  toned: boolean;
  codes: string[];
  words: string; // folded, to find it by
  url?: string;
}

export const standard = signal<Emoji[]>([]);
let asked: Promise<void> | null = null;

function read(list: List): Emoji[] {
  return list.list.split("\n").flatMap((line) => {
    const [group = "", emoji = "", toned = "", codes = "", words] = line.split("\t");
    if (words === undefined) return [];
    return [{ emoji, group: Number(group), toned: toned === "s", codes: codes.split(" "), words: fold(`${codes.replaceAll("_", " ")} ${words}`) }];
  });
}

// needEmoji fetches the list, once.
export function needEmoji(): Promise<void> {
  asked ??= talk.emoji().then(
    (list) => {
      standard.value = read(list);
    },
    () => {
      asked = null; // the next time it is needed
    },
  );
  return asked;
}

// custom are the place's own, by shortcut.
export function custom(): Emoji[] {
  return Object.entries(state.start.value?.emoticons ?? {})
    .map(([code, url]) => ({ emoji: `:${code}:`, group: -1, toned: false, codes: [code], words: fold(code.replace(/[_+-]/g, " ") + " " + code), url }))
    .sort((a, b) => (a.codes[0]! < b.codes[0]! ? -1 : 1));
}

// search finds emoji by the beginning of their words: by a shortcode first.
export function search(text: string, limit: number): Emoji[] {
  const wanted = fold(text).replaceAll("_", " ").trim().split(/\s+/).filter(Boolean);
  if (!wanted.length) return [];
  const whole = fold(text).trim();
  const found: { e: Emoji; rank: number }[] = [];
  for (const e of [...custom(), ...standard.value]) {
    const padded = " " + e.words;
    if (!wanted.every((w) => padded.includes(" " + w))) continue;
    const rank = e.codes.some((c) => c === whole) ? 0 : e.codes[0]?.startsWith(whole) ? 1 : e.codes.some((c) => c.startsWith(whole)) ? 2 : 3;
    found.push({ e, rank: rank * 2 + (e.url ? 0 : 1) });
  }
  return found.sort((a, b) => a.rank - b.rank).slice(0, limit).map((x) => x.e);
}

const tones = 5;
export const tone = signal(Math.min(tones, Math.max(0, Number(recall("tone")) || 0)));

export function setTone(n: number): void {
  tone.value = n;
  keep("tone", n ? String(n) : "");
}

// withTone gives an emoji the skin tone that was chosen: 0 is none.
export function withTone(e: Pick<Emoji, "emoji" | "toned">, n = tone.value): string {
  if (!n || !e.toned) return e.emoji;
  const [first = "", ...rest] = [...e.emoji];
  if (rest[0] === "\ufe0f") rest.shift();
  return first + String.fromCodePoint(0x1f3fa + n) + rest.join("");
}

const mostRecent = 24;
export const recent = signal<string[]>((recall("emoji") ?? "👍️ 🎉 👀 ❤️ 😄 🙏").split(" ").filter(Boolean));

export function used(emoji: string): void {
  recent.value = [emoji, ...recent.value.filter((x) => x !== emoji)].slice(0, mostRecent);
  keep("emoji", recent.value.join(" "));
}
