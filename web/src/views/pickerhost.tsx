// Where the emoji picker is shown. The picker itself is fetched when it is
// first opened.
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import type { Message } from "../api.gen";
import { toggle } from "../talk";
import { lazy } from "./lazy";

export interface Picking {
  choose: (emoji: string) => void;
  x: number;
  y: number;
}

export const picking = signal<Picking | null>(null);

// pick asks for an emoji beside what has the focus.
export function pick(choose: (emoji: string) => void, beside: Element | null = document.activeElement): void {
  const box = beside?.getBoundingClientRect();
  picking.value = { choose, x: box?.right ?? innerWidth / 2, y: box?.top ?? innerHeight / 2 };
}

export function pickFor(m: Message): void {
  pick((emoji) => void toggle(m, emoji));
}

const Picker = lazy(() => import("./emojipicker").then((m) => m.Picker));

export function PickerHost(): JSX.Element | null {
  const p = picking.value;
  return p ? <Picker key={p.x + " " + p.y} picking={p} /> : null;
}
