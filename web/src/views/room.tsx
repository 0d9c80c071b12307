// A room: its header, its history, and where to write.
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Room } from "../api.gen";
import { faultOf } from "../api";
import { openRoom } from "../room";
import { editRoom, join, may, setMine } from "../rooms";
import { go, searchPath } from "../route";
import { openedRoom, otherOf, roomName, state } from "../state";
import { count } from "../time";
import { say, show } from "../ui";
import { words } from "../words";
import { Composer } from "./composer";
import { Typing } from "./typing";
import { ThreadPanel } from "./thread";
import { History } from "./history";
import { Icon } from "./icons";
import { Empty, FaultBox, IconButton, openCard, RoomIcon, Skeleton } from "./parts";
import { openMenuAt } from "./roommenu";

export function RoomPage({ room, message, thread }: { room: string; message: string; thread: string }): JSX.Element {
  // A message in a thread is the thread's to show, beside what it answers.
  useEffect(() => openRoom(room, thread ? "" : message), [room, thread ? "" : message]);
  const opened = state.opened.value;
  const known = openedRoom.value;
  useEffect(() => {
    if (known) document.title = `${roomName(known)} · ${state.start.value?.place || words.name}`;
  }, [known]);
  if (!opened || opened.id !== room) return <Skeleton />;
  if (opened.fault) return <RoomFault missing={opened.fault.kind === "not-found" || opened.fault.kind === "denied"} />;
  if (!known) return <Skeleton />;
  return (
    <div class={"room-row" + (thread ? " with-thread" : "")}>
      <div class="room-column">
        <Head room={known} />
        {!opened.loaded ? <div class="history-box"><Skeleton rows={8} /></div> : <History key={opened.id} opened={opened} room={known} />}
        <Typing room={known.id} />
        <Composer room={known} />
      </div>
      {thread && <ThreadPanel key={thread} room={known} id={thread} message={message} />}
    </div>
  );
}

function RoomFault({ missing }: { missing: boolean }): JSX.Element {
  const opened = state.opened.value;
  if (missing || !opened?.fault) {
    return (
      <Empty top icon="lock" title={words.roomFailed}>
        <p>{words.noRoom}</p>
        <p class="quiet">{words.noRoomHint}</p>
        <a class="button" href="/rooms">{words.allRooms}</a>
      </Empty>
    );
  }
  return (
    <div class="page">
      <FaultBox fault={opened.fault}>
        <button type="button" class="button" onClick={() => openRoom(opened.id)}>{words.tryAgain}</button>
      </FaultBox>
    </div>
  );
}

const typeWords: Record<string, string> = {
  open: words.open, private: words.private, direct: words.direct, group: words.group,
};

export function typeOf(room: Room): string {
  return typeWords[room.type] ?? room.type;
}

function Head({ room }: { room: Room }): JSX.Element {
  const other = otherOf(room);
  const name = roomName(room);
  const mine = state.rooms.value.get(room.id) ?? room;
  const find = () => {
    const mention = other?.mention;
    go(searchPath(room.name ? `in:${quoted(room.name)} ` : mention ? `from:${mention} ` : ""));
  };
  const members = room.members ?? room.people?.length ?? 0;
  return (
    <header class="room-head">
      <IconButton icon="back" label={words.menu} class="only-phone" onClick={() => go("/")} />
      <IconButton
        icon="panel" label={state.sidebar.value ? words.hideSidebar : words.showSidebar} class="only-wide"
        pressed={!state.sidebar.value} onClick={() => (state.sidebar.value = !state.sidebar.value)}
      />
      <div class="room-title">
        <h1 dir="auto" title={name}>
          <RoomIcon room={room} size={20} />
          {other ? <button type="button" class="plain" onClick={(e) => openCard(other.id, e.currentTarget)}>{name}</button> : <span>{name}</span>}
          {room.state && <span class="tag">{room.state === "archived" ? words.archived : words.deleted}</span>}
          {room.arriving && <span class="tag more" title={words.arrivingLong}>{words.arriving}</span>}
          {room.guests && <span class="tag more" title={words.guestsInLong}>{words.guestsIn}</span>}
          {other?.off && <span class="tag">{words.left}</span>}
        </h1>
        <div class="room-sub">
          <span class="room-kind">
            {typeOf(room)}<span class="on-phone">{room.arriving && ` · ${words.arriving}`}{room.guests && ` · ${words.guestsIn}`}</span>
          </span>
          {may(room, "topic") ? <Topic key={room.id} room={room} /> : room.topic ? <span class="topic" dir="auto" title={room.topic}>{room.topic}</span> : other?.title ? <span class="topic" dir="auto">{other.title}</span> : null}
        </div>
      </div>
      <div class="room-tools">
        {may(room, "join") && (
          <button type="button" class="button primary" onClick={() => void join(room.id).catch((e: unknown) => say(faultOf(e).message))}>{words.joinRoom}</button>
        )}
        {members > 0 && room.type !== "direct" && (
          <button type="button" class="count-button" aria-label={words.members(members)} title={words.members(members)} onClick={() => show({ kind: "details" })}>
            <Icon name="people" size={16} /> {count(members)}
          </button>
        )}
        {room.member && (
          <IconButton icon="star" label={mine.star ? words.unstar : words.star} class={"only-wide" + (mine.star ? " star-on" : "")} pressed={mine.star ?? false} onClick={() => void setMine(room, { star: !mine.star })} />
        )}
        <IconButton icon="pin" label={words.pins} onClick={() => show({ kind: "pins" })} />
        <IconButton icon="clip" label={words.filesHere} class="only-wide" onClick={() => show({ kind: "files" })} />
        <IconButton icon="calendar" label={words.jumpToDate} onClick={() => show({ kind: "date" })} />
        <IconButton icon="search" label={words.searchHere} onClick={find} />
        <IconButton icon="info" label={words.details} onClick={() => show({ kind: "details" })} />
        <MenuButton room={room} />
      </div>
    </header>
  );
}

function MenuButton({ room }: { room: Room }): JSX.Element {
  return (
    <button
      type="button" class="icon-button" aria-label={words.roomMenu} title={words.roomMenu} aria-haspopup="menu" aria-expanded={state.menu.value?.room === room.id}
      onClick={(e) => openMenuAt(room.id, e.currentTarget)}
    >
      <Icon name="more" />
    </button>
  );
}

// Topic is changed where it stands: Enter keeps it, Escape leaves it.
function Topic({ room }: { room: Room }): JSX.Element {
  const [text, setText] = useState<string | null>(null);
  const sent = useRef(false);
  const field = useRef<HTMLInputElement>(null);
  const editing = text !== null;
  useEffect(() => field.current?.focus(), [editing]);
  const stop = () => {
    sent.current = true; // the field loses the focus as it goes
    setText(null);
  };
  const keep = async () => {
    if (text === null || sent.current) return;
    if (text.trim() === (room.topic ?? "")) return stop();
    sent.current = true;
    try {
      await editRoom(room.id, { topic: text });
      stop();
    } catch (e) {
      sent.current = false;
      say(faultOf(e).message);
    }
  };
  if (text === null) {
    return (
      <button type="button" class={"plain topic" + (room.topic ? "" : " none")} dir="auto" title={words.editTopic} aria-label={room.topic ? `${words.editTopic}: ${room.topic}` : words.addTopic} onClick={() => { sent.current = false; setText(room.topic ?? ""); }}>
        {room.topic || words.addTopic}
      </button>
    );
  }
  return (
    <form
      class="topic-edit" onSubmit={(e) => {
        e.preventDefault();
        void keep();
      }}
    >
      <input
        type="text" value={text} maxLength={250} aria-label={words.editTopic} dir="auto" ref={field}
        onInput={(e) => setText(e.currentTarget.value)} onBlur={() => void keep()}
        onKeyDown={(e) => {
          if (e.key !== "Escape") return;
          e.stopPropagation();
          stop();
        }}
      />
    </form>
  );
}

export const quoted = (name: string) => (/[\s"]/.test(name) ? `"${name.replaceAll('"', "")}"` : name);

export function Welcome(): JSX.Element {
  const place = state.start.value?.place || words.name;
  return (
    <div class="welcome">
      <Empty top icon="hash" title={words.welcome(place)}>
        <p>{words.welcomeLead}</p>
        <a class="button" href="/rooms"><Icon name="hash" /> {words.welcomeAll}</a>
        <p class="quiet">{count(state.rooms.value.size)} {words.rooms.toLowerCase()} · {count(state.people.value.size)} {words.people.toLowerCase()}</p>
      </Empty>
    </div>
  );
}
