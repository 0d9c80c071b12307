// One message, and what one author said in a row.
import type { JSX } from "preact";
import { memo } from "preact/compat";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Message } from "../api.gen";
import type { Group } from "../history";
import { roomPath } from "../route";
import { nameOf, personOf } from "../state";
import { clock, dayAndClock, fullTime, machineTime } from "../time";
import { copy } from "../ui";
import { words } from "../words";
import { Files } from "./files";
import { Icon } from "./icons";
import { Avatar, IconButton, Name, openCard } from "./parts";
import { plainText, Tree } from "./tree";

const foldedHeight = 360; // px that are shown of a long text
const quietTypes = new Set(["topic", "system", "guest"]);

function Stamp({ at, class: kind = "stamp" }: { at: number; class?: string }): JSX.Element {
  return <time class={kind} dateTime={machineTime(at)} title={fullTime(at)}>{clock(at)}</time>;
}

// GroupView is drawn anew only if its messages changed or a mark moved.
export const GroupView = memo(
  function GroupView({ group, marked }: { group: Group; marked: string }): JSX.Element {
    return (
      <>
        {group.fresh && <div class="fresh-line">{words.newSince}</div>}
        <Said group={group} marked={marked} />
      </>
    );
  },
  (a, b) => a.marked === b.marked && a.group.fresh === b.group.fresh && a.group.messages.length === b.group.messages.length &&
    a.group.messages.every((m, i) => m === b.group.messages[i]),
);

function Said({ group, marked }: { group: Group; marked: string }): JSX.Element {
  const head = group.messages[0]!;
  if (quietTypes.has(head.type)) return <QuietLine message={head} marked={marked === head.id} />;
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
        <Row key={m.id} message={m} marked={marked === m.id} heading={i === 0} name={name} />
      ))}
    </div>
  );
}

interface RowProps {
  message: Message;
  marked: boolean;
  heading: boolean;
  name: string;
}

function Row({ message: m, marked, heading, name }: RowProps): JSX.Element {
  const me = m.tree?.[0]?.t === "me" ? m.tree[0] : undefined;
  return (
    <article class={"message" + (marked ? " marked" : "")} data-id={m.id} tabIndex={-1} aria-label={`${name}, ${dayAndClock(m.sent)}`}>
      {heading ? (
        <header class="head">
          <Name id={m.author} label={m.label} />
          {m.type === "notification" && <span class="tag">{words.notification}</span>}
          <Stamp at={m.sent} />
        </header>
      ) : <Stamp at={m.sent} class="stamp margin" />}
      {m.gone ? <p class="body gone">{words.gone}</p> : (
        <div class={"body" + (m.type === "notification" ? ` notification ${barOf(m.color)}` : "") + (me ? " me" : "")} dir="auto">
          <Folded>
            {me && <><span class="me-name">{name}</span> </>}
            <Tree nodes={me ? me.c ?? [] : m.tree ?? []} />
            {m.edited ? <span class="edited" title={words.editedAt(fullTime(m.edited))}>({words.edited})</span> : null}
          </Folded>
          <Files message={m} />
        </div>
      )}
      <Toolbar message={m} />
    </article>
  );
}

const bars = new Set(["yellow", "green", "red", "purple", "gray"]);
const barOf = (color = "") => (bars.has(color) ? "bar-" + color : "bar-gray");

function QuietLine({ message: m, marked }: { message: Message; marked: boolean }): JSX.Element {
  const text = plainText(m.tree ?? []).trim();
  return (
    <article class={"message quiet-line" + (marked ? " marked" : "")} data-id={m.id} tabIndex={-1} aria-label={dayAndClock(m.sent)}>
      <span class="quiet-icon"><Icon name={m.type === "topic" ? "topic" : m.type === "guest" ? "person" : "info"} size={16} /></span>
      <div class="body" dir="auto">
        {(m.author || m.label) && <Name id={m.author} label={m.label} />}{" "}
        {m.gone ? words.gone : m.type === "topic" ? (
          text ? <>{words.changedTopic} <q><Tree nodes={m.tree ?? []} /></q></> : words.clearedTopic
        ) : m.tree?.length ? <Tree nodes={m.tree} /> : words.guestAccess}
        {" "}<Stamp at={m.sent} />
      </div>
      <Toolbar message={m} />
    </article>
  );
}

export const linkTo = (m: Message) => location.origin + roomPath(m.room, m.id);

// The buttons can be reached from the message that has the focus; a history
// of hundreds of messages is no row of a thousand tab stops.
function Toolbar({ message: m }: { message: Message }): JSX.Element {
  const text = m.gone ? "" : plainText(m.tree ?? []).trim();
  return (
    <div class="toolbar" role="toolbar" aria-label={words.actions}>
      {text && <IconButton icon="copy" label={words.copyText} onClick={() => void copy(text, words.textCopied)} />}
      <IconButton icon="link" label={words.copyLink} onClick={() => void copy(linkTo(m), words.linkCopied)} />
    </div>
  );
}

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
