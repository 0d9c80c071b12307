// Small things of the page itself: its look, what it says for a moment, the
// clipboard, what is kept in this browser.
import { effect } from "@preact/signals";
import { state, type Dialog } from "./state";
import { words } from "./words";

type Theme = "light" | "dark" | "system";

const themes: readonly string[] = ["light", "dark", "system"];
const isTheme = (s: string | null): s is Theme => s !== null && themes.includes(s);

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

export function startLook(): void {
  const kept = recall("theme");
  if (isTheme(kept)) state.theme.value = kept;
  state.sidebar.value = recall("sidebar") !== "hidden";
  effect(() => {
    const theme = state.theme.value;
    document.documentElement.dataset.theme = theme;
    keep("theme", theme === "system" ? "" : theme);
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
