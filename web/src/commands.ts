// What a slash at the beginning of a message does.
import { faultOf } from "./api";
import { say, sayFault, show } from "./ui";
import { talk, attempt } from "./talk";
import { words } from "./words";
import { doers } from "./doers";

// Command is one of them. Those that say something give a text that is sent;
// those that do something give none.
export interface Command {
  names: string[];
  takes: () => string; // what follows it, as help shows it
  help: () => string;
  fits?: () => boolean;
  text?: (rest: string) => string;
  run?: (rest: string, room: string) => Promise<void> | void;
}

// Read when it is shown: the language may be another by then.
const w = (key: keyof typeof words.commands) => () => words.commands[key];
const none = () => "";

export const commands: Command[] = [
  { names: ["me"], takes: w("meTakes"), help: w("me"), text: (r) => (r ? `/me ${r}` : "") },
  { names: ["code"], takes: w("codeTakes"), help: w("code"), text: (r) => (r ? `/code ${r}` : "") },
  { names: ["quote"], takes: w("codeTakes"), help: w("quote"), text: (r) => (r ? `/quote ${r}` : "") },
  { names: ["shrug"], takes: w("shrugTakes"), help: w("shrug"), text: (r) => `${r ? r + " " : ""}¯\\\\\\_(ツ)\\_/¯` },
  { names: ["tableflip"], takes: w("shrugTakes"), help: w("tableflip"), text: (r) => `${r ? r + " " : ""}(╯°□°)╯︵ ┻━┻` },
  { names: ["topic"], takes: w("topicTakes"), help: w("topic"), run: (r, room) => doers.topic(room, r) },
  { names: ["invite"], takes: w("inviteTakes"), help: w("invite"), run: (r, room) => doers.invite(room, r) },
  { names: ["join"], takes: w("joinTakes"), help: w("join"), run: (r) => doers.join(r) },
  { names: ["leave", "part"], takes: none, help: w("leave"), run: (_, room) => doers.leave(room) },
  { names: ["away"], takes: none, help: w("away"), run: () => doers.away(true) },
  { names: ["available", "back"], takes: none, help: w("back"), run: () => doers.away(false) },
  { names: ["dm", "msg"], takes: w("dmTakes"), help: w("dm"), run: (r) => doers.direct(r) },
  { names: ["help"], takes: none, help: w("help"), run: () => show({ kind: "commands" }) },
];

// Typed is what a text that is to be sent turns out to be.
export type Typed =
  | { is: "text"; text: string }
  | { is: "command"; command: Command; rest: string }
  | { is: "correction"; old: string; new: string; all: boolean }
  | { is: "unknown"; name: string };

const correction = /^s\/((?:\\.|[^\\/\n])+)\/((?:\\.|[^\\/\n])*)(?:\/(g?))?$/u;
const unescaped = (s: string) => s.replace(/\\([\\/])/g, "$1");

// read finds out what a text is. Two slashes in front make it a text, whatever
// follows.
export function read(text: string): Typed {
  if (text.startsWith("//")) {
    const rest = text.slice(2);
    if (correction.test(rest)) return { is: "text", text: rest };
    // A backslash keeps the server from taking it for /me, /code or /quote.
    return { is: "text", text: "\\/" + rest };
  }
  const c = correction.exec(text);
  if (c) return { is: "correction", old: unescaped(c[1] ?? ""), new: unescaped(c[2] ?? ""), all: c[3] === "g" };
  const m = /^\/([a-z]+)(?:\s+([^]*))?$/i.exec(text);
  if (!m) return { is: "text", text };
  const name = (m[1] ?? "").toLowerCase();
  const command = commands.find((x) => x.names.includes(name));
  if (!command) return { is: "unknown", name };
  return { is: "command", command, rest: (m[2] ?? "").trim() };
}

// perform does what a text says that is no message, and returns whether it was
// done; what is to be sent instead is in "send".
export async function perform(typed: Exclude<Typed, { is: "text" }>, room: string, thread: string): Promise<{ done: boolean; send?: string }> {
  switch (typed.is) {
    case "unknown":
      say(words.noCommand(typed.name));
      return { done: false };
    case "correction":
      return { done: await attempt(talk.correct(room, { old: typed.old, new: typed.new, all: typed.all, ...(thread ? { thread } : {}) })) };
    case "command": {
      const { command, rest } = typed;
      if (command.text) {
        const text = command.text(rest);
        if (!text) say(words.commandNeeds(command.names[0]!, command.takes()));
        return text ? { done: true, send: text } : { done: false };
      }
      try {
        await command.run?.(rest, room);
        return { done: true };
      } catch (e) {
        sayFault(faultOf(e));
        return { done: false };
      }
    }
  }
}
