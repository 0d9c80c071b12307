// A room: its header, its history, and where to write.
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { Room } from "../api.gen";
import { openRoom } from "../room";
import { go, searchPath } from "../route";
import { openedRoom, otherOf, roomName, state } from "../state";
import { count } from "../time";
import { show } from "../ui";
import { words } from "../words";
import { Composer } from "./composer";
import { Typing } from "./typing";
import { History } from "./history";
import { Icon } from "./icons";
import { Empty, FaultBox, IconButton, openCard, RoomIcon, Skeleton } from "./parts";

export function RoomPage({ room, message }: { room: string; message: string }): JSX.Element {
  useEffect(() => openRoom(room, message), [room, message]);
  const opened = state.opened.value;
  const known = openedRoom.value;
  useEffect(() => {
    if (known) document.title = `${roomName(known)} · ${state.start.value?.place || words.name}`;
  }, [known]);
  if (!opened || opened.id !== room) return <Skeleton />;
  if (opened.fault) return <RoomFault missing={opened.fault.kind === "not-found" || opened.fault.kind === "denied"} />;
  if (!known) return <Skeleton />;
  return (
    <>
      <Head room={known} />
      {!opened.loaded ? <div class="history-box"><Skeleton rows={8} /></div> : <History key={opened.id} opened={opened} room={known} />}
      <Typing room={known.id} />
      <Composer room={known} />
    </>
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
  const find = () => {
    const mention = other?.mention;
    go(searchPath(room.name ? `in:${quoted(room.name)} ` : mention ? `from:${mention} ` : ""));
  };
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
          {other?.off && <span class="tag">{words.left}</span>}
        </h1>
        <p class="room-sub">
          <span class="room-kind">{typeOf(room)}{room.members && room.type !== "direct" ? ` · ${words.members(room.members)}` : ""}</span>
          {room.topic ? <span class="topic" dir="auto" title={room.topic}>{room.topic}</span> : other?.title ? <span class="topic" dir="auto">{other.title}</span> : null}
        </p>
      </div>
      <div class="room-tools">
        <IconButton icon="calendar" label={words.jumpToDate} onClick={() => show({ kind: "date" })} />
        <IconButton icon="search" label={words.searchHere} onClick={find} />
        <IconButton icon="info" label={words.details} onClick={() => show({ kind: "details" })} />
      </div>
    </header>
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
