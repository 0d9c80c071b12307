// Small things of the page itself: its look, what it says for a moment, the
// clipboard, what is kept in this browser.
import { effect } from "@preact/signals";
import { state, type Dialog } from "./state";
import { words } from "./words";

// recall and keep use the browser's store, which may be switched off.
export function recall(key: string): string | null {
  try {
    return localStorage.getItem("godwit." + key);
  } catch {
    return null;
  }
}

export function keep(key: string, value: string): void {
  try {
    if (value) localStorage.setItem("godwit." + key, value);
    else localStorage.removeItem("godwit." + key);
  } catch {
    // Without a store the setting lasts as long as the page.
  }
}

// looks are the preferences that the style sheets go by.
const looks = ["theme", "density", "view"] as const;

export function startLook(): void {
  // Before the server has said anything the page looks as it did last.
  const kept: Record<string, string> = {};
  for (const name of looks) kept[name] = recall(name) ?? "";
  state.preferences.value = kept;
  state.sidebar.value = recall("sidebar") !== "hidden";
  effect(() => {
    for (const name of looks) {
      const value = state.preferences.value[name] ?? "";
      document.documentElement.dataset[name] = value;
      keep(name, value);
    }
  });
  effect(() => keep("sidebar", state.sidebar.value ? "" : "hidden"));
}

export function show(dialog: Dialog | null): void {
  state.card.value = null;
  state.dialog.value = dialog;
}

let timer = 0;

// say shows a short text for a moment and tells screen readers.
export function say(text: string): void {
  clearTimeout(timer);
  state.said.value = text;
  timer = window.setTimeout(() => (state.said.value = ""), 3000);
}

const sentence = (s: string) => (s ? s[0]!.toUpperCase() + s.slice(1).replace(/[.]$/, "") + "." : "");

// sayFault says what went wrong, and what to do about it.
export function sayFault(fault: { message: string; hint: string }): void {
  say([fault.message, fault.hint].filter(Boolean).map(sentence).join(" "));
}

// copy puts a text into the clipboard and says so.
export async function copy(text: string, said = words.copied): Promise<void> {
  const ok = await navigator.clipboard?.writeText(text).then(() => true, () => false);
  say(ok || copyOldWay(text) ? said : words.copyFailed);
}

// The clipboard's own interface is missing where the page came over plain
// HTTP, as on many a company's own network.
function copyOldWay(text: string): boolean {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "off-screen";
  const host = document.querySelector("dialog[open]") ?? document.body;
  const before = document.activeElement;
  host.append(area);
  area.select();
  const ok = document.execCommand("copy");
  area.remove();
  if (before instanceof HTMLElement) before.focus();
  return ok;
}
