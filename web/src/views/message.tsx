// One message, and what one author said in a row.
import type { JSX } from "preact";
import { memo } from "preact/compat";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Message } from "../api.gen";
import type { Group } from "../history";
import { go, roomPath } from "../route";
import { nameOf, personOf } from "../state";
import { editing, saved, spoken } from "../talk";
import { clock, dayAndClock, fullTime, machineTime } from "../time";
import { words } from "../words";
import { Editor } from "./editor";
import { Cards } from "./cards";
import { Files } from "./files";
import { Icon } from "./icons";
import { held, Toolbar, type Place } from "./toolbar";
import { Avatar, Name, openCard } from "./parts";
import { Reactions } from "./reactions";
import { show } from "../ui";
import { plainText, Tree } from "./tree";

const foldedHeight = 360; // px that are shown of a long text

function Stamp({ at, class: kind = "stamp", whole }: { at: number; class?: string; whole?: boolean }): JSX.Element {
  return <time class={kind} dateTime={machineTime(at)} title={fullTime(at)}>{whole ? dayAndClock(at) : clock(at)}</time>;
}

interface GroupProps {
  group: Group;
  marked: string;
  place?: Place;
}

// GroupView is drawn anew only if its messages changed or a mark moved.
export const GroupView = memo(
  function GroupView({ group, marked, place = "room" }: GroupProps): JSX.Element {
    return (
      <>
        {group.fresh && <div class="fresh-line">{words.newSince}</div>}
        <Said group={group} marked={marked} place={place} />
      </>
    );
  },
  (a, b) => a.marked === b.marked && a.place === b.place && a.group.fresh === b.group.fresh && a.group.messages.length === b.group.messages.length &&
    a.group.messages.every((m, i) => m === b.group.messages[i]),
);

function Said({ group, marked, place }: GroupProps & { place: Place }): JSX.Element {
  const head = group.messages[0]!;
  if (!spoken(head)) return <QuietLine message={head} marked={marked === head.id} />;
  const person = personOf(head.author);
  const name = nameOf(head.author, head.label);
  const bot = head.type === "notification";
  return (
    <div class="group">
      <span class="group-avatar">
        {person ? (
          <button type="button" class="plain" tabIndex={-1} aria-hidden="true" onClick={(e) => openCard(person.id, e.currentTarget)}>
            <Avatar person={person} name={name} bot={bot} />
          </button>
        ) : <Avatar person={person} name={name} bot={bot} />}
      </span>
      {group.messages.map((m, i) => (
        <Row key={m.id} message={m} marked={marked === m.id} heading={i === 0} name={name} place={place} />
      ))}
    </div>
  );
}

interface RowProps {
  message: Message;
  marked: boolean;
  heading: boolean;
  name: string;
  place: Place;
}

function Row({ message: m, marked, heading, name, place }: RowProps): JSX.Element {
  const me = m.tree?.[0]?.t === "me" ? m.tree[0] : undefined;
  const edit = editing.value?.id === m.id && !m.gone && editing.value.inThread === (place === "thread" || place === "root");
  const kept = saved.value.has(m.id);
  return (
    <article class={"message" + (marked ? " marked" : "")} data-id={m.id} tabIndex={-1} aria-label={`${name}, ${dayAndClock(m.sent)}`} {...held(m, place)}>
      {(m.pinned || kept) && (
        <p class="marks">
          {m.pinned && <span><Icon name="pin" size={14} /> {words.pinned}</span>}
          {kept && <span><Icon name="bookmark" size={14} /> {words.savedTag}</span>}
        </p>
      )}
      {m.thread && place === "room" && (
        <p class="marks">
          <button type="button" class="plain link" onClick={() => go(roomPath(m.room, "", m.thread))}><Icon name="thread" size={14} /> {words.inThread}</button>
        </p>
      )}
      {m.shown && place === "thread" && <p class="marks"><span>{words.alsoInRoom}</span></p>}
      {heading ? (
        <header class="head">
          <Name id={m.author} label={m.label} />
          {m.type === "notification" && <span class="tag">{words.notification}</span>}
          <Stamp at={m.sent} whole={place === "list" || place === "root"} />
        </header>
      ) : <Stamp at={m.sent} class="stamp margin" />}
      {edit ? <Editor message={m} place={place} /> : m.gone ? <p class="body gone">{words.gone}</p> : (
        <div class={"body" + (m.type === "notification" ? ` notification ${barOf(m.color)}` : "") + (me ? " me" : "")} dir="auto">
          <Folded>
            {me && <><span class="me-name">{name}</span> </>}
            <Tree nodes={me ? me.c ?? [] : m.tree ?? []} />
            {m.edited ? <Edited message={m} /> : null}
          </Folded>
          <Files message={m} />
          <Cards message={m} />
        </div>
      )}
      <Reactions message={m} place={place} />
      {place === "room" && <RepliesLine message={m} />}
      {!edit && <Toolbar message={m} place={place} />}
    </article>
  );
}

function Edited({ message: m }: { message: Message }): JSX.Element {
  return (
    <button type="button" class="plain edited" title={words.editedAt(fullTime(m.edited ?? 0))} onClick={() => show({ kind: "revisions", message: m.id })}>({words.edited})</button>
  );
}

// RepliesLine leads from a message into the thread that hangs on it.
function RepliesLine({ message: m }: { message: Message }): JSX.Element | null {
  const r = m.replies;
  if (!r?.count) return null;
  return (
    <a class="replies" href={roomPath(m.room, "", m.id)}>
      <span class="faces" aria-hidden="true">{(r.faces ?? []).map((id) => <Avatar key={id} person={personOf(id)} name={nameOf(id)} size={22} />)}</span>
      <span class="replies-count">{words.replies(r.count)}</span>
      <span class="quiet">{words.lastReply(dayAndClock(r.last))}</span>
    </a>
  );
}

const bars = new Set(["yellow", "green", "red", "purple", "gray"]);
const barOf = (color = "") => (bars.has(color) ? "bar-" + color : "bar-gray");

function QuietLine({ message: m, marked }: { message: Message; marked: boolean }): JSX.Element {
  const text = plainText(m.tree ?? []).trim();
  return (
    <article class={"message quiet-line" + (marked ? " marked" : "")} data-id={m.id} tabIndex={-1} aria-label={dayAndClock(m.sent)} {...held(m, "room")}>
      <span class="quiet-icon"><Icon name={m.type === "topic" ? "topic" : m.type === "guest" ? "person" : "info"} size={16} /></span>
      <div class="body" dir="auto">
        {(m.author || m.label) && <Name id={m.author} label={m.label} />}{" "}
        {m.gone ? words.gone : m.type === "topic" ? (
          text ? <>{words.changedTopic} <q><Tree nodes={m.tree ?? []} /></q></> : words.clearedTopic
        ) : m.tree?.length ? <Tree nodes={m.tree} /> : words.guestAccess}
        {" "}<Stamp at={m.sent} />
      </div>
      <Toolbar message={m} place="room" />
    </article>
  );
}

export const linkTo = (m: Message) => location.origin + roomPath(m.room, m.id);

// Folded shows the beginning of what is long, and all of it when asked.
function Folded({ children }: { children: preact.ComponentChildren }): JSX.Element {
  const ref = useRef<HTMLDivElement>(null);
  const [long, setLong] = useState(false);
  const [open, setOpen] = useState(false);
  useLayoutEffect(() => {
    const e = ref.current;
    if (e && !long && e.scrollHeight > foldedHeight * 1.25) setLong(true);
  });
  return (
    <>
      <div ref={ref} class={long && !open ? "folded" : ""} style={long && !open ? { maxHeight: foldedHeight } : {}}>{children}</div>
      {long && (
        <button type="button" class="small-button" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? words.showLess : words.showAll}
        </button>
      )}
    </>
  );
}
