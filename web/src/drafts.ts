// What somebody has begun to write, for each room and each thread. It is kept
// with every letter, and is the same in all tabs of the browser.
import { signal } from "@preact/signals";
import { kept, keptKeys, otherTab, put } from "./kept";

const start = "draft.";

// drafts is by place: the ID of a room, or of a message whose thread it is.
export const drafts = signal<ReadonlyMap<string, string>>(new Map());

export const draftOf = (place: string): string => drafts.value.get(place) ?? "";

export function setDraft(place: string, text: string): void {
  if (draftOf(place) === text) return;
  put(start + place, text);
  take(place, text);
}

function take(place: string, text: string): void {
  const next = new Map(drafts.value);
  if (text) next.set(place, text);
  else next.delete(place);
  drafts.value = next;
}

// loadDrafts reads what the one who has signed in left here.
export function loadDrafts(): void {
  drafts.value = new Map(keptKeys(start).map((key) => [key.slice(start.length), kept(key)]));
}

export function clearDrafts(): void {
  drafts.value = new Map();
}

export function watchDrafts(): void {
  otherTab((key) => {
    if (key.startsWith(start)) take(key.slice(start.length), kept(key));
  });
}
