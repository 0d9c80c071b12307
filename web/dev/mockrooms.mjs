// The calls of the rooms' API that change something, for the mock server.
import { id } from "./data.mjs";

const acts = ["archive", "delete", "guests", "invite", "leave", "owner", "remove", "rename", "roles", "topic", "type"];

// seen is a room as one gets it who looks after it.
export function seen(room, me) {
  const named = room.type === "open" || room.type === "private";
  const may = !named ? [] : room.state === "archived" ? ["delete", "open", ...(room.member ? ["leave"] : [])] : room.member ? acts : ["join"];
  return { ...room, may, owner: named ? room.owner ?? me.id : undefined, admins: named ? room.admins ?? [me.id] : undefined };
}

// change answers a call, or nothing if it is none of these.
export function change(mock, Wrong, method, [a, b, c, d], body, me) {
  const find = (x) => {
    const room = mock.rooms.get(x);
    if (!room) throw new Wrong(404, "not-found", "There is no such room.");
    return room;
  };
  const made = (more) => {
    const room = { id: id(2, 1000 + mock.rooms.size), member: true, may_post: true, topic: "", ...more };
    room.members = room.people.length;
    mock.rooms.set(room.id, room);
    return seen(room, me);
  };
  if (method === "POST" && a === "rooms" && !b) {
    if ([...mock.rooms.values()].some((r) => r.name && r.name.toLowerCase() === body.name.trim().toLowerCase())) {
      throw new Wrong(409, "conflict", `There is a room called "${body.name}" already, or one that looks the same.`, "Choose another name; archived rooms keep theirs.");
    }
    return made({ type: body.type, name: body.name.trim(), topic: body.topic, people: [me.id, ...(body.people ?? [])] });
  }
  if (a === "conversations") {
    const want = [...new Set([me.id, ...body.people])].sort().join();
    const old = [...mock.rooms.values()].find((r) => !r.name && [...r.people].sort().join() === want);
    if (old) return seen(Object.assign(old, { hidden: 0 }), me);
    const others = body.people.filter((p) => p !== me.id);
    return made({ type: others.length > 1 ? "group" : "direct", name: "", with: others.length ? others : [me.id], people: [me.id, ...others] });
  }
  if (a === "order") {
    body.rooms.forEach((r, i) => (find(r).order = i + 1));
    return {};
  }
  if (a !== "rooms" || !b) return undefined;
  if (method === "PATCH") {
    const room = find(b);
    if (body.type === "open" && room.type === "private" && !body.confirm) throw new Wrong(409, "conflict", "Everybody here could read it.", "Confirm that.");
    for (const key of ["name", "topic", "type"]) if (body[key] !== undefined) room[key] = body[key].trim();
    return seen(room, me);
  }
  if (c === "state") {
    const room = find(b);
    room.state = body.state || undefined;
    room.may_post = !room.state;
    if (body.state === "deleted") room.ends = Date.UTC(2026, 11, 24) * 1000;
    return {};
  }
  if (c === "mine") return void Object.assign(find(b), body, body.hidden ? { hidden: Date.now() * 1000 } : {}) ?? {};
  if (c === "owner") return void (find(b).owner = body.person) ?? {};
  if (c === "guest") return guest(find(b), method, mock);
  if (c === "members") return members(mock, method, find(b), d, body, me, made);
  return undefined;
}

function guest(room, method, mock) {
  if (method === "DELETE") room.guest = "";
  if (method === "POST" || (method === "PUT" && !room.guest)) room.guest = `${mock.url}/guest/secret-${++mock.posts}`;
  room.guests = !!room.guest;
  return { url: room.guest ?? "" };
}

function members(mock, method, room, who, body, me, made) {
  if (method === "POST") {
    if (!room.name) return made({ type: "group", name: "", with: [...room.with, ...body.people], people: [...room.people, ...body.people] });
    room.people = [...new Set([...room.people, ...body.people])];
  } else if (method === "PUT" && who === "me") {
    Object.assign(room, { member: true, people: [...new Set([...room.people, me.id])] });
  } else if (method === "DELETE") {
    const out = who === "me" ? me.id : who;
    room.people = room.people.filter((p) => p !== out);
    if (out === me.id) room.member = false;
  } else {
    const admins = new Set(room.admins ?? [me.id]);
    if (body.admin) admins.add(who);
    else admins.delete(who);
    room.admins = [...admins];
  }
  room.members = room.people.length;
  return seen(room, me);
}

// guests answers what those ask who come by a guest address.
export function guests(mock, Wrong, method, secret, body) {
  const room = [...mock.rooms.values()].find((r) => r.guest?.endsWith("/" + secret));
  if (!room) throw new Wrong(404, "not-found", "This guest address is not good any more.", "Ask the one who gave it to you for the new one.");
  if (method === "GET") return { place: "Estuary Watch", room: room.name };
  if (!/\p{L}/u.test(body.name)) throw new Wrong(400, "invalid", "A guest needs a name.", "Say who you are.");
  mock.signedIn = true;
  return { me: { name: body.name + " (guest)" }, room: room.id };
}

export function adminRooms(mock, method, what, q, me) {
  if (what) return { people: mock.rooms.get(what).people, admins: [me.id] };
  const word = (q.get("q") ?? "").toLowerCase();
  const fit = [...mock.rooms.values()].filter((r) => r.name && (r.state ?? "") === (q.get("state") ?? "") && r.name.toLowerCase().includes(word));
  return { rooms: fit.map((r) => ({ id: r.id, name: r.name, type: r.type, state: r.state, owner: r.owner ?? me.id, members: r.members ?? 0, ends: r.ends, member: r.member })) };
}
