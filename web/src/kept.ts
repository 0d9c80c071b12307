// What is kept in this browser for one person: what they have written and not
// yet sent. Each thing has a key of its own, so that two tabs of one browser
// do not write over each other, and a tab hears of what the other kept.
// Nothing of it is ever shown to somebody else who signs in here.
import { state } from "./state";

const prefix = "godwit.of.";
let person = "";
const memory = new Map<string, string>(); // where the browser keeps nothing

// keeping sets whose things are meant from now on, by their ID.
export function keeping(id: string): void {
  if (id !== person) memory.clear();
  person = id;
}

const whole = (key: string) => `${prefix}${person}.${key}`;

export function kept(key: string): string {
  try {
    return localStorage.getItem(whole(key)) ?? memory.get(key) ?? "";
  } catch {
    return memory.get(key) ?? "";
  }
}

// put keeps a text, or with "" forgets it.
export function put(key: string, value: string): void {
  memory.delete(key);
  try {
    if (value) localStorage.setItem(whole(key), value);
    else localStorage.removeItem(whole(key));
  } catch {
    if (value) memory.set(key, value); // the store is full, or switched off: it lasts as long as the page
  }
}

// keptKeys lists the keys that begin so.
export function keptKeys(start: string): string[] {
  const keys = new Set([...memory.keys()].filter((k) => k.startsWith(start)));
  try {
    const from = whole("");
    for (const k of Object.keys(localStorage)) if (k.startsWith(from + start)) keys.add(k.slice(from.length));
  } catch {
    // as above
  }
  return [...keys];
}

// forgetAll forgets everything of the one who signs out.
export function forgetAll(): void {
  for (const key of keptKeys("")) put(key, "");
}

// otherTab calls fn when another tab has kept or forgotten something.
export function otherTab(fn: (key: string) => void): void {
  addEventListener("storage", (e) => {
    const from = whole("");
    if (state.start.value && e.key?.startsWith(from)) fn(e.key.slice(from.length));
  });
}
