// Signing in and out, and what is fetched first.
import { batch } from "@preact/signals";
import { accounts } from "./accounts";
import { api, faultOf } from "./api";
import type { PasskeyAnswer, SecondFactor, Start } from "./api.gen";
import { stopFeed, watchFeed } from "./feed";
import { clearDrafts, loadDrafts } from "./drafts";
import { forgetAll, keeping } from "./kept";
import { clearOutbox, loadOutbox } from "./outbox";
import { forgetRead, learnMark } from "./marks";
import { state } from "./state";
import { forgetSaved } from "./talk";
import { forgetThreads, learnFollowed } from "./threads";
import { words } from "./words";

export async function begin(): Promise<void> {
  try {
    take(await api.start());
    loadDrafts();
    loadOutbox();
    watchFeed();
  } catch (e) {
    const fault = faultOf(e);
    if (fault.kind === "denied" && (await accounts.account().catch(() => null))?.limited) {
      state.phase.value = "limited";
      return;
    }
    batch(() => {
      state.fault.value = fault;
      state.phase.value = fault.kind === "unknown" ? "signed-out" : "failed";
    });
  }
}

// take puts what the server said first into the state.
export function take(start: Start): void {
  start.rooms?.forEach(learnMark);
  batch(() => {
    state.start.value = start;
    keeping(start.me.id);
    state.preferences.value = start.preferences ?? {};
    state.rooms.value = new Map((start.rooms ?? []).map((r) => [r.id, r]));
    state.people.value = new Map((start.people ?? []).map((p) => [p.id, p]));
    state.fault.value = null;
    state.notice.value = "";
    state.phase.value = "ready";
  });
  void learnFollowed();
}

// signIn signs in, or returns what else must be shown.
export async function signIn(login: string, password: string, more: { code?: string; passkey?: PasskeyAnswer } = {}): Promise<SecondFactor | undefined> {
  const { second } = await accounts.signIn(login, password, more);
  if (!second) await begin();
  return second;
}

export async function usePasswordLink(secret: string, password: string): Promise<void> {
  const { again } = await api.setPassword(secret, password);
  if (again) signedOut(words.passwordSetAgain);
  else await begin();
}

export async function signOut(): Promise<void> {
  await api.signOut();
  forgetAll();
  signedOut("");
}

// signedOut forgets everything that only the one who was signed in may see.
// What they have written and not sent is kept in the browser for them, unless
// they sign out themselves.
export function signedOut(notice = words.signedOutMeanwhile): void {
  stopFeed();
  clearDrafts();
  forgetRead();
  forgetThreads();
  forgetSaved();
  batch(() => {
    state.phase.value = "signed-out";
    state.notice.value = notice;
    state.start.value = null;
    clearOutbox();
    state.rooms.value = new Map();
    state.people.value = new Map();
    state.presence.value = new Map();
    state.typing.value = new Map();
    state.opened.value = null;
    state.dialog.value = null;
    state.card.value = null;
  });
}
