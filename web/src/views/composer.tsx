// Where messages are written, and those that wait to be sent.
import type { JSX, RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Room } from "../api.gen";
import { perform, read } from "../commands";
import { draftOf, setDraft } from "../drafts";
import { newerOf } from "../history";
import { discard, maxText, send, sendAgain } from "../outbox";
import { pasted } from "../paste";
import { iType, wroteIt } from "../presence";
import { toNewest } from "../room";
import { openedRoom, personOf, roomName, state, type Draft } from "../state";
import { editLast } from "../talk";
import { clock } from "../time";
import { say, show } from "../ui";
import { take } from "../uploads";
import { words } from "../words";
import { AttachButton, attached, Attachments, DropZone, pasteFiles } from "./attachments";
import { Completions, useCompletion } from "./complete";
import { Files } from "./files";
import { Icon } from "./icons";
import { Avatar, IconButton } from "./parts";
import { pick } from "./pickerhost";
import { Tree } from "./tree";

function reason(room: Room): string {
  if (state.start.value?.state === "receiving") return words.receivingComposer;
  if (state.start.value?.state === "archive") return words.archiveComposer;
  if (room.may_post) return "";
  if (room.state === "archived") return words.archivedComposer;
  if (room.state === "deleted") return words.deletedComposer;
  switch (state.start.value?.state) {
    case "frozen": return words.frozenComposer;
    case "retired": return words.retiredComposer;
    default: return words.mayNotPost;
  }
}

export function Composer({ room }: { room: Room }): JSX.Element {
  const why = reason(room);
  if (why) return <p class="composer-closed"><Icon name="lock" size={16} /> {why}</p>;
  return <Writer key={room.id} room={room} />;
}

// useArea gives the box the focus where there is a keyboard, and lets it grow
// with the text in browsers that do not do it themselves.
function useArea(text: string, thread: string): RefObject<HTMLTextAreaElement | null> {
  const area = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    if (matchMedia("(hover: hover)").matches && (thread || !state.opened.value?.marked) && !state.dialog.value) area.current?.focus();
  }, []);
  useLayoutEffect(() => {
    const a = area.current;
    if (!a || CSS.supports("field-sizing", "content")) return;
    a.style.height = "auto";
    a.style.height = a.scrollHeight + 2 + "px";
  }, [text]);
  return area;
}

const askAbove = 15; // people that are called without a question

// called says how many people an @all or an @here in a text calls, if one
// should ask first.
function called(text: string): { name: string; people: number } | null {
  const m = /(?:^|[^\p{L}\p{N}_@./-])@(all|here)(?![\p{L}\p{N}_-])/iu.exec(text.replace(/```[^]*?(?:```|$)|`[^`\n]*`/g, " "));
  const name = m?.[1]?.toLowerCase();
  const room = openedRoom.value;
  if (!name || !room || room.type === "direct") return null;
  const me = state.start.value?.me.id;
  const members = new Set((room.people ?? []).map((id) => personOf(id)?.id ?? id).filter((id) => id !== me));
  const people = name === "all" ? Math.max(members.size, (room.members ?? 1) - 1) : [...members].filter((id) => state.presence.value.has(id)).length;
  return people > askAbove ? { name, people } : null;
}

interface WriterProps {
  room: Room;
  thread?: string;
}

export function Writer({ room, thread = "" }: WriterProps): JSX.Element {
  const place = thread || room.id;
  const text = draftOf(place);
  const [shown, setShown] = useState(false);
  const area = useArea(text, thread);
  const id = thread ? "composer-thread" : "composer";
  const files = attached(place);
  const over = [...text].length - maxText;
  const label = thread ? words.writeReply : words.write(roomName(room));
  const write = (value: string) => setDraft(place, value);
  const offers = useCompletion(area, write, id);
  const post = (said: string) => {
    send(room.id, said, { files: take(place), thread, shown });
    wroteIt();
    write("");
    setShown(false);
    if (!thread && newerOf(state.opened.value?.pages ?? [])) void toNewest(room.id);
    area.current?.focus();
  };
  const submit = async () => {
    const said = text.replace(/\s+$/u, "");
    if (!files.ready) return say(words.stillSending);
    if ((!said.trim() && !files.count) || over > 0) return;
    const typed = read(said);
    let out = said;
    if (typed.is === "text") out = typed.text;
    else {
      const result = await perform(typed, room.id, thread);
      if (!result.done) return;
      if (!result.send) return write("");
      out = result.send;
    }
    const call = called(out);
    if (call) show({ kind: "call", ...call, then: () => post(out) });
    else post(out);
  };
  const insert = (what: string) => {
    const a = area.current;
    if (!a) return;
    const begin = a.value.slice(0, a.selectionStart) + what;
    write(begin + a.value.slice(a.selectionEnd));
    requestAnimationFrame(() => {
      a.focus();
      a.setSelectionRange(begin.length, begin.length);
    });
  };
  return (
    <form
      class="composer" onSubmit={(e) => {
        e.preventDefault();
        void submit();
      }}
    >
      {!thread && <DropZone place={place} name={roomName(room)} />}
      <Attachments place={place} />
      <div class="composer-line">
        <AttachButton place={place} />
        <textarea
          ref={area} id={id} rows={1} dir="auto" value={text} placeholder={label} aria-label={label}
          aria-describedby={id + "-hint"} {...offers.attributes} onBlur={offers.close}
          onInput={(e) => {
            write(e.currentTarget.value);
            if (e.currentTarget.value.trim() && !e.currentTarget.value.startsWith("/")) iType(room.id);
            offers.look();
          }}
          onPaste={(e) => {
            pasteFiles(e, place);
            if (e.defaultPrevented) return;
            const a = e.currentTarget;
            const what = e.clipboardData && pasted(e.clipboardData, a.value.slice(a.selectionStart, a.selectionEnd));
            if (!what) return;
            e.preventDefault();
            insert(what);
          }}
          onKeyDown={(e) => {
            if (offers.key(e)) return e.preventDefault();
            if (e.key === "ArrowUp" && !text && !e.shiftKey && !e.altKey && editLast(thread)) return e.preventDefault();
            if (e.key !== "Enter" || e.shiftKey || e.isComposing) return;
            e.preventDefault();
            void submit();
          }}
        />
        <Completions offers={offers} />
        <span class="composer-tools">
          <IconButton icon="react" label={words.pickEmoji} onClick={() => pick(insert)} />
          <button type="submit" class="icon-button send" aria-label={words.send} title={words.send} disabled={(!files.count && !text.trim()) || !files.ready || over > 0}>
            <Icon name="send" />
          </button>
        </span>
      </div>
      {thread && (
        <label class="composer-also"><input type="checkbox" checked={shown} onChange={(e) => setShown(e.currentTarget.checked)} /> {words.alsoSend(roomName(room))}</label>
      )}
      <p class="composer-hint" id={id + "-hint"} role={over > 0 ? "alert" : undefined}>
        {over > 0 ? words.tooLong(over) : words.composerHint}
      </p>
    </form>
  );
}

// Waiting draws what is on its way, below the newest message.
export function Waiting({ room, thread = "" }: { room: string; thread?: string }): JSX.Element | null {
  const drafts = state.outbox.value.filter((d) => d.room === room && (thread ? d.thread === thread : !d.thread || d.shown));
  const me = state.start.value?.me;
  if (!drafts.length || !me) return null;
  return (
    <div class="group waiting" aria-live="polite">
      <span class="group-avatar"><Avatar person={me} name={me.name} /></span>
      {drafts.map((d, i) => <OneDraft key={d.nonce} draft={d} name={i === 0 ? me.name : ""} />)}
    </div>
  );
}

function OneDraft({ draft: d, name }: { draft: Draft; name: string }): JSX.Element {
  return (
    <div class={"message draft " + d.state} data-nonce={d.nonce}>
      {name && <header class="head"><span class="name" dir="auto">{name}</span><span class="stamp">{clock(d.at)}</span></header>}
      <div class="body" dir="auto">
        {d.message?.tree ? <Tree nodes={d.message.tree} /> : <span class="as-typed">{d.text || words.filesOnly(d.files.length)}</span>}
        {d.message?.files?.length ? <Files message={d.message} /> : null}
      </div>
      {(d.state === "failed" || d.state === "waiting") && (
        <p class={d.state === "failed" ? "draft-fault" : "draft-fault waits"} role={d.state === "failed" ? "alert" : "status"}>
          <Icon name={d.state === "failed" ? "warning" : "clock"} size={16} /> {d.state === "failed" ? words.notSent : words.notSentYet}: {d.fault?.message} {d.fault?.hint}{" "}
          <button type="button" class="small-button" onClick={() => sendAgain(d.nonce)}>{words.sendAgain}</button>{" "}
          <button type="button" class="small-button" onClick={() => discard(d.nonce)}>{words.discard}</button>
        </p>
      )}
    </div>
  );
}
