// A small server that answers like the real one, out of invented data. For
// working on the client without a database, and for tests of states that are
// hard to make: a send that fails, a server that goes away.
//
//	node dev/mock.mjs [port]
import { createReadStream, existsSync, readFileSync } from "node:fs";
import http from "node:http";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { WebSocketServer } from "ws";
import { day, id, messagesOf, people, rooms } from "./data.mjs";
import { adminRooms, change, guests, seen } from "./mockrooms.mjs";

const dist = path.join(path.dirname(fileURLToPath(import.meta.url)), "../dist");
const emojiFile = path.join(path.dirname(fileURLToPath(import.meta.url)), "../../internal/markup/emoji.txt");
const types = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

// The same policy as the real server's: what breaks here breaks there.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' http: https:; media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

class Wrong extends Error {
  constructor(status, kind, text, hint) {
    super(text);
    Object.assign(this, { status, kind, hint });
  }
}

const on = (...date) => Date.UTC(...date) * 1000;

export class Mock {
  constructor() {
    this.rooms = new Map(rooms.map((r) => [r.id, { ...r }]));
    this.held = new Map();
    this.people = people;
    this.nonces = new Map();
    this.signedIn = false;
    this.me = me;
    this.links = new Set(["good-secret"]);
    this.unread = new Map(); // what is told of a room when a client counts anew
    this.frames = []; // all that was told, in order; a cursor is a number of frames
    this.sockets = new Set();
    this.said = []; // what clients said
    this.failPosts = 0; // so many posts are answered with an error that passes
    this.refusePosts = 0; // so many posts are refused
    this.slowPosts = null; // a promise that answers to posts wait for
    this.down = false; // answers nothing
    this.posts = 0;
    this.requests = [];
    this.preferences = {
      theme: "system", density: "comfortable", view: "pictures", names: "full", language: "", notify: "mentions", desktop: "on", push: "on", sound: "off", preview: "on", mail: "on",
      quiet: "22:00-07:00", "quiet-on": "mo tu we th fr sa su", pause: "",
    };
  }

  messages(room) {
    if (!this.held.has(room.id)) this.held.set(room.id, messagesOf(room));
    return this.held.get(room.id);
  }

  // add posts a message in the name of anybody and rings those who wait.
  add(roomID, author, words, told = true) {
    const room = this.rooms.get(roomID);
    const list = this.messages(room);
    const sent = Math.max(Date.now() * 1000, (list.at(-1)?.sent ?? 0) + 1);
    const m = { id: id(0x77, ++this.posts).replace("-8000-", "-7000-"), room: roomID, author, type: "plain", sent, tree: [{ t: "text", x: words }] };
    list.push(m);
    if (told) this.tell({ type: "message", message: m });
    return m;
  }

  // tell sends an event to all who listen.
  tell(event) {
    this.frames.push(event);
    for (const s of this.sockets) s.send(JSON.stringify({ cursor: String(this.frames.length), events: [event] }));
  }

  // hear is a feed that begins: it gets what it has missed.
  hear(ws, q) {
    this.sockets.add(ws);
    ws.on("close", () => this.sockets.delete(ws));
    ws.on("message", (data) => {
      const said = JSON.parse(String(data));
      this.said.push(said);
      if (said.type === "open") for (const room of said.rooms ?? []) ws.send(JSON.stringify({ cursor: String(this.frames.length), events: [{ type: "opened", id: room }] }));
      if (said.type === "read") this.tell({ type: "read", id: said.room, read: said.time, last: said.time });
    });
    const missed = this.frames.slice(Number(q.get("cursor")));
    ws.send(JSON.stringify({ cursor: String(this.frames.length), events: [...missed, { type: "presence", whole: true, people: { [people[1].id]: "online", [people[2].id]: "away" } }] }));
  }

  // hangUp ends all feeds, as a server does that ends or goes on elsewhere.
  hangUp(code = 1012, reason = "0") {
    for (const s of this.sockets) s.close(code, reason);
  }

  listen(port = 0) {
    this.server = http.createServer((req, res) => {
      this.answer(req, res).catch((e) => {
        res.writeHead(e.status ?? 500, { "Content-Type": "application/json" });
        res.end(JSON.stringify({ kind: e.kind ?? "internal", text: e.message, hint: e.hint }));
      });
    });
    const feeds = new WebSocketServer({ noServer: true });
    this.server.on("upgrade", (req, socket, head) => {
      if (this.down) return socket.destroy();
      if (!this.signedIn) return socket.end("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
      feeds.handleUpgrade(req, socket, head, (ws) => this.hear(ws, new URL(req.url, "http://mock").searchParams));
    });
    return new Promise((done) => this.server.listen(port, "127.0.0.1", () => {
      this.url = `http://127.0.0.1:${this.server.address().port}`;
      done(this.url);
    }));
  }

  close() {
    for (const s of this.sockets) s.terminate();
    this.server.closeAllConnections();
    return new Promise((done) => this.server.close(done));
  }

  async answer(req, res) {
    const url = new URL(req.url, "http://mock");
    if (url.pathname.startsWith("/mock/")) return mockFile(url, res);
    if (!url.pathname.startsWith("/api/v1/")) return staticFile(url, res);
    this.requests.push(req.method + " " + url.pathname + url.search);
    if (this.down) return req.socket.destroy();
    const body = await bodyOf(req);
    const answer = await this.api(req.method, url.pathname.slice("/api/v1".length), url.searchParams, body);
    res.writeHead(answer === undefined ? 204 : 200, { "Content-Type": "application/json", "Cache-Control": "no-store" });
    res.end(answer === undefined ? "" : JSON.stringify(answer));
  }

  async api(method, where, q, body) {
    const [, a, b, c, d] = where.split("/").map(decodeURIComponent);
    if (a === "session") return this.session(method, body);
    if (a === "first") return { empty: false };
    if (a === "links") return this.link(method, b, body);
    if (a === "guests") return guests(this, Wrong, method, b, body);
    if (!this.signedIn) throw new Wrong(401, "unknown", "Nobody is signed in.", "Sign in first.");
    if (a === "start") return this.start();
    if (a === "feed") throw new Wrong(400, "invalid", "This address is a WebSocket.");
    if (a === "search") return this.search(q);
    if (a === "account") return this.account(method, b, body);
    if (a === "admin" && b === "rooms") return adminRooms(this, method, c, q, me);
    const done = method === "GET" && c !== "guest" ? undefined : change(this, Wrong, method, where.split("/").slice(1).map(decodeURIComponent), body, me);
    if (done !== undefined) return done;
    if (a === "admin") return admin(b, c, q, d === "link");
    if (a === "threads") return { threads: [], unread: 0, following: [] };
    if (a === "saved") return { saved: [] };
    if (a === "emoji") return { list: readFileSync(emojiFile, "utf8") };
    if (a === "emoticons") return { emoticons: [{ id: id(12, 1), shortcut: "godwit", url: "/mock/picture/emoticon.svg", mine: true }], may_add: true, admins: false };
    if (a === "messages") return this.message(method, b, c, body);
    if (a === "rooms" && !b) return this.directory(q);
    const room = this.rooms.get(b);
    if (a !== "rooms" || !room) throw new Wrong(404, "not-found", "There is no such room.");
    if (!c) return this.details(room);
    if (c === "pins") return { pins: this.messages(room).filter((m) => m.pinned).map((message) => ({ message, by: me.id, at: message.sent })) };
    if (c === "files") return { files: [] };
    if (c === "read" && method === "GET") return { type: "read", id: room.id, ...this.unread.get(room.id), back: true };
    return method === "POST" ? this.post(room, body) : this.history(room, q);
  }

  // What hangs on messages is tried against the real server; here it has to
  // look.
  message(method, which, what, body) {
    const m = [...this.rooms.values()].flatMap((r) => this.messages(r)).find((x) => x.id === which);
    if (!m) throw new Wrong(404, "not-found", "There is no such message.");
    if (what === "thread") return { root: m, messages: [], following: false, read: 0 };
    if (what === "source") return { text: JSON.stringify(m.tree) };
    if (what === "revisions") return { revisions: [] };
    if (what === "reactions") m.reactions = body.on ? [{ emoji: body.emoji, people: [me.id] }] : [];
    if (what === "pin") m.pinned = method === "PUT";
    this.tell({ type: "message", message: m });
    return m;
  }

  // The account itself is tried against the real server; here it has to look.
  account(method, what, body) {
    if (what === "preferences") {
      if (method === "PATCH") Object.assign(this.preferences, body.values);
      return { values: this.preferences, other: { videoQuality: "best" } };
    }
    if (what === "sessions") {
      return { sessions: [
        { id: id(9, 1), agent: "Firefox on Linux", created: on(2026, 10, 20), used: on(2026, 10, 24), here: true },
        { id: id(9, 2), agent: "Safari on iOS", phone: true, created: on(2026, 10, 2), used: on(2026, 10, 23), factor: true },
      ] };
    }
    if (what) return {};
    return {
      me: this.me, password: true, codes: true, recovery: 9, required: false, limited: false, host: "chat.example.org", trouble: "other-host",
      passkeys: [{ id: id(10, 1), name: "Laptop", host: "chat.example.org", created: on(2026, 9, 1), used: on(2026, 10, 24) }],
    };
  }

  session(method, body) {
    if (method === "DELETE") {
      this.signedIn = false;
      return undefined;
    }
    if (body.login !== "ann" || body.password !== "long enough") throw new Wrong(401, "unknown", "The name or the password is wrong.", "Capital letters matter in the password.");
    this.signedIn = true;
    return this.me;
  }

  link(method, secret, body) {
    if (!this.links.has(secret)) throw new Wrong(404, "not-found", "This link is not known.", "");
    if (method === "GET") return { name: "Ann Oystercatcher", email: "ann@example.org" };
    if (body.password.length < 10) throw new Wrong(400, "invalid", "The password has fewer than 10 characters.");
    this.links.delete(secret);
    this.signedIn = true;
    return this.me;
  }

  start() {
    return {
      me: this.me, preferences: this.preferences, place: "Estuary Watch", address: "https://chat.example.org", state: "open", cursor: String(this.frames.length), now: Date.now() * 1000,
      rooms: [...this.rooms.values()].filter((r) => r.member).map(({ people: _, members: __, ...r }) => r), people: this.people,
      emoticons: { godwit: "/mock/picture/emoticon.svg" },
    };
  }

  details(room) {
    const list = this.messages(room);
    return { ...seen(room, me), messages: list.length, first: list[0]?.sent, last: list.at(-1)?.sent };
  }

  async post(room, body) {
    if (!room.may_post) throw new Wrong(403, "denied", "The room is archived.");
    if (this.nonces.has(body.nonce)) return this.nonces.get(body.nonce);
    if (this.refusePosts > 0) {
      this.refusePosts--;
      throw new Wrong(403, "denied", "Nothing can be written here.", "Ask an administrator.");
    }
    if (this.failPosts > 0) {
      this.failPosts--;
      throw new Wrong(503, "unavailable", "Writes are paused.", "Try again in a moment.");
    }
    const m = this.add(room.id, this.me.id, body.text, false);
    this.nonces.set(body.nonce, m);
    this.tell({ type: "message", message: m });
    if (this.slowPosts) await this.slowPosts;
    return m;
  }

  history(room, q) {
    const list = this.messages(room);
    const limit = Math.min(Number(q.get("limit") ?? 50), 100);
    let from = Math.max(0, list.length - limit);
    let to = list.length;
    if (q.get("before")) {
      to = Number(q.get("before").slice(1));
      from = Math.max(0, to - limit);
    } else if (q.get("after")) {
      from = Number(q.get("after").slice(1)) + 1;
      to = Math.min(list.length, from + limit);
    } else if (q.get("at")) {
      const at = Date.parse(q.get("at") + "T00:00:00Z") * 1000;
      from = list.findIndex((m) => m.sent >= at);
      if (from < 0) from = list.length;
      to = Math.min(list.length, from + limit);
    } else if (q.get("around")) {
      const at = list.findIndex((m) => m.id === q.get("around"));
      if (at < 0) throw new Wrong(404, "not-found", "There is no such message.", "It may have been in another room.");
      from = Math.max(0, at - (limit >> 1));
      to = Math.min(list.length, from + limit);
    }
    return {
      messages: list.slice(from, to), older: from > 0 ? "c" + from : undefined, newer: to < list.length ? "c" + (to - 1) : undefined,
    };
  }

  directory(q) {
    const word = (q.get("q") ?? "").toLowerCase();
    const fit = [...this.rooms.values()]
      .filter((r) => r.name && r.name.toLowerCase().includes(word) && (q.get("only") === "archived" ? r.state === "archived" : (q.get("archived") || !r.state) && (q.get("only") !== "mine" || r.member) && (q.get("only") !== "open" || r.type === "open")))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    const from = Number(q.get("after") ?? 0);
    return { rooms: fit.slice(from, from + 40).map((r) => ({ ...r, last: undefined })), next: fit.length > from + 40 ? String(from + 40) : undefined };
  }

  search(q) {
    const terms = q.get("q").toLowerCase().split(/\s+/).filter((w) => w && !w.includes(":"));
    const hits = [];
    const skip = Number(q.get("older") || 0);
    for (const room of this.rooms.values()) {
      if (room.id === id(2, 7)) continue;
      for (const m of this.messages(room).slice(-200)) {
        const words = JSON.stringify(m.tree ?? "").toLowerCase();
        if (terms.every((t) => words.includes(t))) hits.push({ message: m, room });
      }
    }
    hits.sort((x, y) => y.message.sent - x.message.sent);
    return {
      hits: hits.slice(skip, skip + 20), older: hits.length > skip + 20 ? String(skip + 20) : undefined, terms, unindexed: 1204,
      notes: q.get("q").includes("strange:") ? ["“strange:” is not understood; it was left out."] : undefined,
    };
  }
}

const me = { ...people[0], email: "ann@example.org", zone: "Europe/London", admin: true };

function admin(what, who, q, link) {
  if (what === "overview") {
    return {
      version: "0.1.0", state: "open", place: "Estuary Watch", address: "https://chat.example.org", started: Date.UTC(2026, 0, 5, 6) * 1000, database: "SQLite 3.50",
      people: 139, off: 1, rooms: 46, archived: 1, deleted: 2, direct: 4, messages: 1_050_213, unindexed: 1204, files: 20_119, file_bytes: 48e9, emoticons: 212,
      first: Date.UTC(2013, 2, 4) * 1000, last: Date.UTC(2018, 9, 1) * 1000, db_bytes: 912e6,
      problems: ["14 files have no bytes. Type: godwit report flight --missing, then import them with --files-from."],
      moves: [
        { name: "flight", source: "hipchat:hipchat-31028-2018-08-08.tar.gz.aes", done: true, started: Date.UTC(2026, 0, 5, 6) * 1000, ended: Date.UTC(2026, 0, 5, 6, 1, 12) * 1000, read: 1_071_204, written: 1_071_190 },
        { name: "second", source: "hipchat:later.tar.gz.aes", done: false, started: Date.UTC(2026, 0, 6, 6) * 1000, read: 40_000, written: 12 },
      ],
    };
  }
  if (what === "settings") {
    const one = (name, type, value, more = {}) => ({ name, type, value, ...more });
    return { settings: [
      one("name", "text", "Estuary Watch", { max: 80 }), one("address", "text", "https://chat.example.org"), one("rooms-by", "choice", "members", { choices: ["members", "admins"] }),
      one("second-factor", "choice", "nobody", { choices: ["nobody", "admins", "everybody"] }), one("file-limit", "number", "1000", { min: 1, max: 100000 }),
      one("mail-host", "text", "mail.example.org"), one("mail-port", "number", "587"), one("mail-tls", "choice", "starttls", { choices: ["starttls", "tls", "none"] }), one("mail-password", "secret", "set"),
    ] };
  }
  if (what === "mail-test") return { ok: false, to: me.email, text: "535 5.7.8 authentication failed" };
  if (what === "audit") {
    return { entries: [
      { id: id(11, 2), at: on(2026, 10, 24), actor: me.id, name: me.name, action: "set", target: "second-factor", note: "admins" },
      { id: id(11, 1), at: on(2026, 10, 23), name: "", action: "create user", target: people[1].name, note: "" },
    ].filter((e) => JSON.stringify(e).includes(q.get("q") ?? "")) };
  }
  if (what === "people" && who && !link) {
    return { person: { ...people[1], email: "x@example.org", password: true }, zone: "Europe/Berlin", codes: true, passkeys: 1, sessions: [{ id: id(9, 3), agent: "Chrome on Windows", created: on(2026, 10, 2), used: on(2026, 10, 3) }] };
  }
  if (what === "people" && who) return { url: "https://chat.example.org/link/0123456789abcdef0123456789abcdef", expires: Date.UTC(2026, 0, 12) * 1000 };
  const word = (q.get("q") ?? "").toLowerCase();
  const all = people.map((p, n) => ({ ...p, email: `${p.mention || "guest" + n}@example.org`, password: n % 2 === 0 }))
    .filter((p) => `${p.name} ${p.mention} ${p.email}`.toLowerCase().includes(word));
  const from = Number(q.get("after") ?? 0);
  return { people: all.slice(from, from + 25), total: all.length, next: all.length > from + 25 ? String(from + 25) : undefined };
}

async function bodyOf(req) {
  const parts = [];
  for await (const p of req) parts.push(p);
  return parts.length ? JSON.parse(Buffer.concat(parts).toString()) : {};
}

function mockFile(url, res) {
  const m = /picture\/(\w+)(?:-(\d+)(?:x(\d+))?)?\.svg$/.exec(url.pathname);
  if (!m) {
    res.writeHead(200, { "Content-Type": "application/octet-stream", "Content-Disposition": "attachment" });
    return res.end("bytes");
  }
  const w = Number(m[2]) || 64;
  const h = Number(m[3]) || 64;
  const hue = [...m[1]].reduce((sum, x) => sum + x.charCodeAt(0) * 37, 0) % 360;
  res.writeHead(200, { "Content-Type": "image/svg+xml" });
  res.end(`<svg xmlns="http://www.w3.org/2000/svg" width="${w}" height="${h}" viewBox="0 0 ${w} ${h}"><rect width="100%" height="100%" fill="hsl(${hue} 30% 70%)"/><path d="M0 ${h * 0.7}Q${w / 2} ${h * 0.5} ${w} ${h * 0.75}V${h}H0z" fill="hsl(${hue} 25% 45%)"/></svg>`);
}

function staticFile(url, res) {
  const wanted = path.join(dist, path.normalize(url.pathname));
  const file = path.extname(wanted) && wanted.startsWith(dist) && existsSync(wanted) ? wanted : path.join(dist, "index.html");
  res.writeHead(200, { "Content-Type": types[path.extname(file)] ?? "application/octet-stream", "Content-Security-Policy": policy });
  createReadStream(file).pipe(res);
}

export { day, id, people };

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const url = await new Mock().listen(Number(process.argv[2] ?? 8788));
  console.log(`${url}  sign in as ann, with the password: long enough`);
}
