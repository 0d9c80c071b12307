// News: one request that waits at the server until something happens.
import { api, faultOf } from "./api";
import { sendWaiting } from "./outbox";
import { read, refresh } from "./room";
import { putRoom, signedOut, take } from "./session";
import { state } from "./state";

let running: AbortController | null = null;
let wake: (() => void) | null = null;

export function stopNews(): void {
  running?.abort();
  running = null;
}

// watchNews listens until stopNews. It is started once for each sign-in.
export function watchNews(): void {
  stopNews();
  running = new AbortController();
  void listen(running.signal);
}

// hurry ends the pause between two tries, when the browser says that the
// connection is back.
export function hurry(): void {
  wake?.();
}

async function listen(signal: AbortSignal): Promise<void> {
  let position = state.start.value?.position ?? 0;
  let pause = 1000;
  while (!signal.aborted) {
    try {
      const news = await api.wait(position, signal);
      if (news.afresh) position = await afresh();
      else {
        position = news.position;
        for (const id of news.rooms ?? []) await newsIn(id);
      }
      online();
      pause = 1000;
    } catch (e) {
      if (signal.aborted) return;
      if (faultOf(e).kind === "unknown") return signedOut();
      state.online.value = false;
      await rest(pause);
      pause = Math.min(pause * 2, 30_000);
    }
  }
}

function online(): void {
  if (state.online.value) return;
  state.online.value = true;
  sendWaiting();
}

// rest waits between tries: about so long, so that many clients do not come
// back in the same moment.
function rest(ms: number): Promise<void> {
  return new Promise((done) => {
    const timer = setTimeout(done, ms * (0.75 + Math.random() / 2));
    wake = () => {
      clearTimeout(timer);
      done();
    };
  });
}

async function afresh(): Promise<number> {
  const start = await api.start();
  take(start);
  const id = state.opened.value?.id;
  if (id) await refresh(id);
  return start.position;
}

// elsewhere are rooms with news that one is not in, and when that was asked: a
// busy open room must not cost every client a request a message.
const elsewhere = new Map<string, number>();
const askAgain = 5 * 60_000;

async function newsIn(id: string): Promise<void> {
  const shown = state.opened.value?.id === id;
  if (shown) await refresh(id);
  if (shown && !document.hidden) return read(id);
  if (!state.rooms.value.has(id)) {
    if (Date.now() - (elsewhere.get(id) ?? 0) < askAgain) return;
    const room = await api.room(id).catch(() => null);
    if (!room?.member) {
      elsewhere.set(id, Date.now());
      return;
    }
    elsewhere.delete(id);
    putRoom(room);
  }
  if (mineOnly(id) || state.unread.value.has(id)) return;
  state.unread.value = new Map(state.unread.value).set(id, state.rooms.value.get(id)?.last ?? 0);
}

// mineOnly says whether the news of a room are one's own messages, just sent.
function mineOnly(id: string): boolean {
  return state.outbox.value.some((d) => d.room === id);
}
