// Files on their way to the server, part by part. Whatever is cut off goes on
// where the server says that it stopped.
import { effect, signal } from "@preact/signals";
import { call, Fault, faultOf } from "./api";
import type { Error as Wrong, Upload } from "./api.gen";
import { dropFile, dropFiles, keepFile, keptFiles } from "./keeper";
import { state } from "./state";
import { say } from "./ui";
import { words } from "./words";

// Sending is a file that is on its way, or has arrived and waits for its
// message.
export interface Sending {
  key: string;
  place: string; // the room, or the thread, whose composer it belongs to
  id: string; // the server's; "" before it knows of the file
  name: string;
  size: number;
  type: string;
  sent: number;
  state: "waiting" | "sending" | "paused" | "done" | "failed";
  fault: Fault | null;
  file: File | null; // null after a reload if the browser kept no copy
  picture: string; // address of what is shown of it
}

export const mostAttached = 20;
const atOnce = 3;
const longestWait = 30_000;
const shown = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);
const mostShown = 30e6; // bytes of a picture that is shown small before it is sent

export const uploads = signal<Sending[]>([]);

const stops = new Map<string, AbortController>();

function change(key: string, part: Partial<Sending>): void {
  uploads.value = uploads.value.map((u) => (u.key === key ? { ...u, ...part } : u));
}

const find = (key: string) => uploads.value.find((u) => u.key === key);

const pictureOf = (file: File | null) => (file && shown.has(file.type) && file.size < mostShown ? URL.createObjectURL(file) : "");

let last = 0;

// attach takes files for the next message of a place.
export function attach(place: string, files: readonly File[]): void {
  const me = state.start.value?.me.id ?? "";
  const room = mostAttached - uploads.value.filter((u) => u.place === place).length;
  if (files.length > room) say(words.tooManyFiles(mostAttached));
  for (const file of files.slice(0, Math.max(0, room))) {
    const u: Sending = {
      key: `${Date.now()}-${++last}`, place, id: "", name: nameOf(file), size: file.size, type: file.type, sent: 0,
      state: "waiting", fault: null, file, picture: pictureOf(file),
    };
    uploads.value = [...uploads.value, u];
    void keepFile({ key: u.key, person: me, place, id: "", name: u.name, size: u.size, type: u.type, file });
  }
  next();
}

// Pictures from the clipboard are all called the same.
function nameOf(file: File): string {
  if (file.name && !(file.type.startsWith("image/") && /^image\.\w+$/.test(file.name))) return file.name;
  const now = new Date();
  const two = (n: number) => String(n).padStart(2, "0");
  const day = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
  return `${words.screenshot} ${day} ${two(now.getHours())}.${two(now.getMinutes())}.${two(now.getSeconds())}.${file.type.split("/")[1] || "png"}`;
}

function next(): void {
  const busy = uploads.value.filter((u) => u.state === "sending").length;
  for (const u of uploads.value.filter((w) => w.state === "waiting").slice(0, Math.max(0, atOnce - busy))) void run(u.key);
}

// Refused is an error that trying again does not mend.
const refused = new Set(["invalid", "denied", "too-many", "full", "unknown"]);

async function run(key: string): Promise<void> {
  const stop = new AbortController();
  stops.set(key, stop);
  change(key, { state: "sending", fault: null });
  let wait = 500;
  while (!stop.signal.aborted) {
    const before = find(key)?.sent ?? 0;
    try {
      await sendAll(key, stop.signal);
      break;
    } catch (e) {
      if (stop.signal.aborted) break;
      const fault = faultOf(e);
      if (refused.has(fault.kind) || fault.kind === "unreadable") {
        change(key, { state: "failed", fault });
        say(words.fileFailed(find(key)?.name ?? ""));
        break;
      }
      if (fault.kind === "not-found") change(key, { id: "", sent: 0 });
      if ((find(key)?.sent ?? 0) > before) wait = 500;
      change(key, { fault });
      await pause(wait, stop.signal);
      wait = Math.min(wait * 2, longestWait);
    }
  }
  stops.delete(key);
  next();
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const end = () => {
      clearTimeout(timer);
      removeEventListener("online", end);
      done();
    };
    const timer = setTimeout(end, ms);
    addEventListener("online", end);
    signal.addEventListener("abort", end);
  });
}

async function sendAll(key: string, signal: AbortSignal): Promise<void> {
  let u = find(key);
  if (!u) return;
  let up: Upload;
  if (u.id) {
    up = await call<Upload>("GET", "/uploads/" + u.id, undefined, signal);
  } else {
    up = await call<Upload>("POST", "/uploads", { name: u.name, size: u.size }, signal);
    change(key, { id: up.id, name: up.name });
    u = { ...u, id: up.id, name: up.name };
    void keepFile({ key, person: state.start.value?.me.id ?? "", place: u.place, id: up.id, name: up.name, size: u.size, type: u.type, file: u.file });
  }
  change(key, { sent: up.offset });
  if (up.offset < up.size && !u.file) throw new Fault("unreadable", words.chooseAgain, "");
  while (up.offset < up.size && u.file) {
    up = await sendPart(key, up, u.file.slice(up.offset, Math.min(up.size, up.offset + up.part)), signal);
    change(key, { sent: up.offset, fault: null });
  }
  if (!up.done) up = await call<Upload>("POST", `/uploads/${up.id}/finish`, {}, signal);
  change(key, { state: "done", sent: up.size, fault: null });
  say(words.fileReady(up.name));
}

// sendPart is an XMLHttpRequest: fetch does not say how far a body is.
function sendPart(key: string, up: Upload, part: Blob, signal: AbortSignal): Promise<Upload> {
  return new Promise((done, failed) => {
    const r = new XMLHttpRequest();
    r.open("PATCH", `/api/v1/uploads/${up.id}?offset=${up.offset}`);
    r.setRequestHeader("Content-Type", "application/octet-stream");
    r.responseType = "json";
    r.upload.onprogress = (e) => change(key, { sent: up.offset + e.loaded });
    r.onload = () => {
      if (r.status === 200) return done(r.response as Upload);
      const wrong = r.response as Wrong | null;
      failed(wrong?.text ? new Fault(wrong.kind, wrong.text, wrong.hint) : new Fault("offline", words.badAnswer(r.status), words.noAnswerHint));
    };
    // A file that was changed or taken away since it was chosen fails so, too.
    r.onerror = () => readable(part).then((ok) => failed(ok ? new Fault("offline", words.noAnswer, words.noAnswerHint) : new Fault("unreadable", words.fileChanged, "")));
    r.onabort = () => failed(new Fault("offline", words.noAnswer));
    signal.addEventListener("abort", () => r.abort());
    r.send(part);
  });
}

const readable = (part: Blob) => part.slice(0, 1).arrayBuffer().then(() => true, () => false);

// cancel takes a file out, here and at the server.
export function cancel(key: string): void {
  const u = find(key);
  if (!u) return;
  stops.get(key)?.abort();
  forget([u]);
  if (u.id) void call("DELETE", "/uploads/" + u.id).catch(() => undefined); // else it expires
  next();
}

export function retry(key: string): void {
  change(key, { state: "waiting", fault: null });
  next();
}

// again goes on with a file that was chosen once more after a reload.
export function again(key: string, file: File): void {
  const u = find(key);
  if (!u) return;
  if (file.size !== u.size) return say(words.otherFile(u.name));
  change(key, { file, picture: pictureOf(file) });
  retry(key);
}

function forget(list: Sending[]): void {
  const keys = new Set(list.map((u) => u.key));
  uploads.value = uploads.value.filter((u) => !keys.has(u.key));
  for (const u of list) {
    if (u.picture) URL.revokeObjectURL(u.picture);
    void dropFile(u.key);
  }
}

export const uploadsOf = (place: string) => uploads.value.filter((u) => u.place === place);

// take returns the IDs of a place's files for its message, and forgets them.
export function take(place: string): string[] {
  const list = uploadsOf(place).filter((u) => u.state === "done");
  forget(list);
  return list.map((u) => u.id);
}

// For whom the files are that are held.
let whose = "";

async function restore(person: string): Promise<void> {
  for (const k of await keptFiles(person)) {
    if (whose !== person || find(k.key)) continue;
    const u: Sending = { ...k, sent: 0, state: k.id || k.file ? "waiting" : "failed", fault: null, picture: pictureOf(k.file) };
    if (u.state !== "failed") uploads.value = [...uploads.value, u];
    else void dropFile(k.key);
  }
  next();
}

effect(() => {
  const me = state.start.value?.me.id ?? "";
  const out = state.phase.value === "signed-out";
  if (me && me !== whose) {
    whose = me;
    queueMicrotask(() => void restore(me));
  } else if (out && whose) {
    whose = "";
    queueMicrotask(() => {
      for (const s of stops.values()) s.abort();
      for (const u of uploads.value) if (u.picture) URL.revokeObjectURL(u.picture);
      uploads.value = [];
      void dropFiles();
    });
  }
});
