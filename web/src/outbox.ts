// Messages on their way to the server. Each has a nonce, so that sending it
// again posts it once.
import { batch } from "@preact/signals";
import { api, faultOf } from "./api";
import type { Message } from "./api.gen";
import { apply } from "./apply";
import { signedOut } from "./session";
import { state, type Draft } from "./state";

export const maxText = 10_000;

// randomUUID is missing where the page came over plain HTTP.
function nonce(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

function change(nonce: string, part: Partial<Draft>): void {
  state.outbox.value = state.outbox.value.map((d) => (d.nonce === nonce ? { ...d, ...part } : d));
}

export function send(room: string, text: string, files: string[] = []): void {
  const draft: Draft = {
    nonce: nonce(), room, text, files, at: Date.now() * 1000, state: "sending", fault: null, message: null,
  };
  state.outbox.value = [...state.outbox.value, draft];
  const opened = state.opened.value;
  if (opened?.readTo) state.opened.value = { ...opened, readTo: 0 };
  void post(draft);
}

export function sendAgain(nonce: string): void {
  const draft = state.outbox.value.find((d) => d.nonce === nonce);
  if (!draft || draft.state !== "failed") return;
  change(nonce, { state: "sending", fault: null });
  void post(draft);
}

export function discard(nonce: string): void {
  state.outbox.value = state.outbox.value.filter((d) => d.nonce !== nonce);
}

export function clearOutbox(): void {
  state.outbox.value = [];
}

// sendWaiting sends what did not reach the server for want of a connection.
export function sendWaiting(): void {
  for (const d of state.outbox.value) if (d.state === "failed" && d.fault?.kind === "offline") sendAgain(d.nonce);
}

// held are own messages that came by the feed while one of ours was on its
// way to the same room: it may be that one, and the answer says so.
let held: Message[] = [];

// heldBack says whether a message waits for the answer to one of ours.
export function heldBack(m: Message): boolean {
  if (m.author !== state.start.value?.me.id || m.edited || m.gone) return false;
  if (!state.outbox.value.some((d) => d.room === m.room && d.state === "sending")) return false;
  held.push(m);
  return true;
}

function letGo(): void {
  const list = held;
  held = [];
  for (const message of list) apply({ type: "message", message });
}

// arrive takes out what the history has by now.
export function arrive(m: Message): void {
  if (!state.outbox.value.some((d) => d.message?.id === m.id)) return;
  state.outbox.value = state.outbox.value.filter((d) => d.message?.id !== m.id);
}

async function post(draft: Draft): Promise<void> {
  try {
    const message = await api.post(draft.room, draft.text, draft.nonce, draft.files);
    batch(() => {
      change(draft.nonce, { state: "sent", message });
      apply({ type: "message", message });
      letGo();
    });
  } catch (e) {
    const fault = faultOf(e);
    if (fault.kind === "unknown") signedOut();
    else change(draft.nonce, { state: "failed", fault });
    letGo();
  }
}
