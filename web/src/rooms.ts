// What can be done with rooms and their people. Each call's answer, which has
// the shape that the feed would bring, is taken into the state at once.
import { call, faultOf, query } from "./api";
import type { AdminRooms, GuestAddress, GuestRoom, Guest, Mine, NewRoom, Room, RoomEdit, RoomPeople, Rooms } from "./api.gen";
import { apply } from "./apply";
import { roomsByPlace, state } from "./state";
import { say } from "./ui";

const part = encodeURIComponent;
const at = (room: string, rest = "") => `/rooms/${part(room)}${rest}`;

export const roomsApi = {
  create: (room: NewRoom) => call<Room>("POST", "/rooms", room),
  edit: (room: string, edit: RoomEdit) => call<Room>("PATCH", at(room), edit),
  state: (room: string, to: string) => call<unknown>("PUT", at(room, "/state"), { state: to }),
  invite: (room: string, people: string[]) => call<Room>("POST", at(room, "/members"), { people }),
  join: (room: string) => call<Room>("PUT", at(room, "/members/me"), {}),
  leave: (room: string) => call<unknown>("DELETE", at(room, "/members/me")),
  remove: (room: string, person: string) => call<unknown>("DELETE", at(room, "/members/" + part(person))),
  role: (room: string, person: string, admin: boolean) => call<unknown>("PUT", at(room, "/members/" + part(person)), { admin }),
  owner: (room: string, person: string) => call<unknown>("PUT", at(room, "/owner"), { person }),
  mine: (room: string, mine: Mine) => call<unknown>("PUT", at(room, "/mine"), mine),
  order: (rooms: string[]) => call<unknown>("PUT", "/order", { rooms }),
  converse: (people: string[]) => call<Room>("POST", "/conversations", { people }),
  guest: (room: string) => call<GuestAddress>("GET", at(room, "/guest")),
  guestOn: (room: string) => call<GuestAddress>("PUT", at(room, "/guest"), {}),
  guestRenew: (room: string) => call<GuestAddress>("POST", at(room, "/guest"), {}),
  guestOff: (room: string) => call<GuestAddress>("DELETE", at(room, "/guest")),
  room: (room: string) => call<Room>("GET", at(room)),
  directory: (q: string, only: string, after = "") => call<Rooms>("GET", "/rooms" + query({ q, only, after })),
  guestRoom: (secret: string) => call<GuestRoom>("GET", "/guests/" + part(secret)),
  enter: (secret: string, name: string) => call<Guest>("POST", "/guests/" + part(secret), { name }),
  adminRooms: (q: string, of: string, after = "") => call<AdminRooms>("GET", "/admin/rooms" + query({ q, state: of, after })),
  adminPeople: (room: string) => call<RoomPeople>("GET", `/admin/rooms/${part(room)}/people`),
};

// take puts a room that the server has just answered into the state.
export function take(room: Room): Room {
  apply({ type: "room", room });
  return room;
}

// drop takes a room out of the sidebar.
function drop(id: string): void {
  if (state.rooms.value.has(id)) apply({ type: "drop", id });
}

// again fetches what is known of a room after something was done with it.
async function again(id: string): Promise<void> {
  take(await roomsApi.room(id));
}

export const createRoom = async (room: NewRoom): Promise<Room> => take(await roomsApi.create(room));
export const converse = async (people: string[]): Promise<Room> => take(await roomsApi.converse(people));
export const invite = async (room: string, people: string[]): Promise<Room> => take(await roomsApi.invite(room, people));
export const join = async (room: string): Promise<Room> => take(await roomsApi.join(room));
export const editRoom = async (room: string, edit: RoomEdit): Promise<Room> => take(await roomsApi.edit(room, edit));

export async function leave(room: string): Promise<void> {
  await roomsApi.leave(room);
  drop(room);
}

export async function setState(room: string, to: string): Promise<void> {
  await roomsApi.state(room, to);
  if (to === "deleted") drop(room);
  else await again(room);
}

export async function removeMember(room: string, person: string): Promise<void> {
  await roomsApi.remove(room, person);
  await again(room);
}

export async function setRole(room: string, person: string, admin: boolean): Promise<void> {
  await roomsApi.role(room, person, admin);
  await again(room);
}

export async function setOwner(room: string, person: string): Promise<void> {
  await roomsApi.owner(room, person);
  await again(room);
}

// setMine changes how one has a room. It shows at once, and goes back if the
// server refuses.
export async function setMine(room: Room, mine: Mine): Promise<void> {
  const before = state.rooms.value.get(room.id) ?? room;
  const { hidden, ...rest } = mine;
  const next: Room = { ...before, ...rest };
  if (hidden !== undefined) next.hidden = hidden ? Math.max(Date.now() * 1000, before.last ?? 0) : 0;
  take(next);
  try {
    await roomsApi.mine(room.id, mine);
  } catch (e) {
    take({ ...before, hidden: before.hidden ?? 0 });
    say(faultOf(e).message);
  }
}

// move puts a room of the sidebar before another one of the same part, or at
// the end of it.
export async function move(id: string, before: string | null): Promise<void> {
  const { stars, rooms, people } = roomsByPlace.value;
  const parts = [stars, rooms, people].map((list) => list.map((r) => r.id));
  const mine = parts.find((list) => list.includes(id));
  if (!mine || before === id) return;
  mine.splice(mine.indexOf(id), 1);
  mine.splice(before && mine.includes(before) ? mine.indexOf(before) : mine.length, 0, id);
  const order = parts.flat();
  const old = state.rooms.value;
  const next = new Map(old);
  order.forEach((r, i) => {
    const room = next.get(r);
    if (room) next.set(r, { ...room, order: i + 1 });
  });
  state.rooms.value = next;
  try {
    await roomsApi.order(order);
  } catch (e) {
    state.rooms.value = old;
    say(faultOf(e).message);
  }
}

// shift moves a room one place up or down.
export function shift(id: string, by: -1 | 1): void {
  const { stars, rooms, people } = roomsByPlace.value;
  const list = [stars, rooms, people].find((l) => l.some((r) => r.id === id)) ?? [];
  const i = list.findIndex((r) => r.id === id);
  if (i + by < 0 || i + by >= list.length) return;
  void move(id, (by < 0 ? list[i - 1] : list[i + 2])?.id ?? null);
}

export const may = (room: Room, act: string) => (room.may ?? []).includes(act);
export const isTalk = (room: Room) => room.type === "direct" || room.type === "group";
