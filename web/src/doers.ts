// What slash commands do that are no messages.
import { Fault } from "./api";
import type { Person } from "./api.gen";
import { fold } from "./find";
import { setAway } from "./presence";
import { go, roomPath } from "./route";
import { send } from "./outbox";
import { converse, editRoom, invite as inviteTo, join as joinRoom, leave as leaveRoom, roomsApi } from "./rooms";
import { personOf, roomName, state } from "./state";
import { say } from "./ui";
import { words } from "./words";

// named finds the people whom words mean: mention names, with or without an @.
function named(text: string): Person[] {
  return text.split(/[\s,]+/).filter(Boolean).map((word) => {
    const name = fold(word.replace(/^@/, ""));
    const found = [...state.people.value.values()].find((p) => p.mention && fold(p.mention) === name && !p.off);
    const person = found && personOf(found.id);
    if (!person) throw new Fault("not-found", words.nobodyCalled(word));
    return person;
  });
}

function needs(rest: string, command: string, takes: string): void {
  if (!rest) throw new Fault("invalid", words.commandNeeds(command, takes));
}

export const doers = {
  async topic(room: string, topic: string): Promise<void> {
    await editRoom(room, { topic });
    say(topic ? words.topicSet : words.topicCleared);
  },

  async invite(room: string, rest: string): Promise<void> {
    needs(rest, "invite", words.commands.inviteTakes);
    const people = named(rest);
    const after = await inviteTo(room, people.map((p) => p.id));
    say(words.invited(people.map((p) => p.name).join(", ")));
    if (after.id !== room) go(roomPath(after.id));
  },

  async join(rest: string): Promise<void> {
    needs(rest, "join", words.commands.joinTakes);
    const name = fold(rest.replace(/^#/, "").replace(/^"(.*)"$/, "$1"));
    const own = [...state.rooms.value.values()].find((r) => fold(r.name) === name);
    if (own) return go(roomPath(own.id));
    const found = (await roomsApi.directory(rest.replace(/^#/, ""), "")).rooms.find((r) => fold(r.name) === name);
    if (!found) throw new Fault("not-found", words.noRoomCalled(rest));
    go(roomPath((await joinRoom(found.id)).id));
  },

  async leave(room: string): Promise<void> {
    const name = roomName(state.rooms.value.get(room) ?? { id: room, type: "open", name: "", member: true, may_post: true });
    await leaveRoom(room);
    say(words.leftRoom(name));
    go("/");
  },

  away(on: boolean): void {
    setAway(on);
    say(on ? words.awayNow : words.backNow);
  },

  async direct(rest: string): Promise<void> {
    needs(rest, "dm", words.commands.dmTakes);
    const m = /^(@?\S+)(?:\s+([^]*))?$/.exec(rest);
    const people = named(m?.[1] ?? "");
    const room = await converse(people.map((p) => p.id));
    go(roomPath(room.id));
    if (m?.[2]) send(room.id, m[2]);
  },
};
