// The HTTP API: one function an endpoint, one kind of error.
import type {
  AdminPeople, Error as Wrong, Event, Found, History, LinkInfo, Message, NewMessage, Overview, ResetLink, Room, Rooms, SignedIn, Start,
} from "./api.gen";
import { words } from "./words";

// Fault is an answer that is not the one asked for. Kind is the API's, or
// "offline" where no answer came at all; after is how many seconds the server
// wants to be left alone.
export class Fault extends Error {
  constructor(readonly kind: string, text: string, readonly hint = "", readonly after = 0) {
    super(text);
  }
}

export function faultOf(e: unknown): Fault {
  return e instanceof Fault ? e : new Fault("internal", e instanceof Error ? e.message : String(e));
}

function isWrong(v: unknown): v is Wrong {
  return typeof v === "object" && v !== null && "text" in v && typeof v.text === "string";
}

export async function call<T>(method: string, path: string, body?: object, signal?: AbortSignal): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch("/api/v1" + path, {
      method,
      signal: signal ?? null,
      headers: body ? { "Content-Type": body instanceof Blob ? body.type || "application/octet-stream" : "application/json" } : {},
      body: body instanceof Blob ? body : body ? JSON.stringify(body) : null,
    });
  } catch (e) {
    if (signal?.aborted) throw e;
    throw new Fault("offline", words.noAnswer, words.noAnswerHint);
  }
  const data: unknown = answer.status === 204 ? undefined : await answer.json().catch(() => undefined);
  if (answer.ok) return data as T;
  if (isWrong(data)) throw new Fault(data.kind, data.text, data.hint, Number(answer.headers.get("Retry-After")) || 0);
  const kind = answer.status === 401 ? "unknown" : answer.status >= 502 ? "offline" : "internal";
  throw new Fault(kind, words.badAnswer(answer.status), words.noAnswerHint);
}

export function query(values: Record<string, string | undefined>): string {
  const q = new URLSearchParams();
  for (const [k, v] of Object.entries(values)) if (v) q.set(k, v);
  const s = q.toString();
  return s ? "?" + s : "";
}

export const part = encodeURIComponent;

// Where tells which page of a room's history is meant; none is the newest.
export interface Where {
  before?: string;
  after?: string;
  at?: string;
  around?: string;
}

export const pageSize = 50;

export const api = {
  signOut: () => call<unknown>("DELETE", "/session"),
  link: (secret: string) => call<LinkInfo>("GET", "/links/" + part(secret)),
  setPassword: (secret: string, password: string) => call<SignedIn>("POST", "/links/" + part(secret), { password }),
  start: () => call<Start>("GET", "/start"),
  rooms: (q: string, archived: boolean, after = "") =>
    call<Rooms>("GET", "/rooms" + query({ q, archived: archived ? "1" : "", after })),
  room: (id: string) => call<Room>("GET", "/rooms/" + part(id)),
  unread: (id: string) => call<Event>("GET", `/rooms/${part(id)}/read`),
  history: (room: string, where: Where, signal?: AbortSignal) =>
    call<History>("GET", `/rooms/${part(room)}/messages` + query({ limit: String(pageSize), ...where }), undefined, signal),
  post: (room: string, message: NewMessage) => call<Message>("POST", `/rooms/${part(room)}/messages`, message),
  // feedFault says why a feed cannot be opened, or "" if it can be.
  feedFault: () => call<unknown>("GET", "/feed").then(() => "", (e: unknown) => {
    const kind = faultOf(e).kind;
    return kind === "unknown" || kind === "offline" ? kind : "";
  }),
  search: (q: string, older = "") => call<Found>("GET", "/search" + query({ q, older })),
  overview: () => call<Overview>("GET", "/admin/overview"),
  adminPeople: (q: string, after = "") => call<AdminPeople>("GET", "/admin/people" + query({ q, after })),
  resetLink: (person: string) => call<ResetLink>("POST", `/admin/people/${part(person)}/link`, {}),
  reportPage: (move: string) => `/api/v1/admin/moves/${part(move)}/report.html`,
};
