// Where messages are written, and those that wait to be sent.
import type { JSX, RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { Room } from "../api.gen";
import { draftOf, setDraft } from "../drafts";
import { discard, maxText, send, sendAgain } from "../outbox";
import { iType, wroteIt } from "../presence";
import { toNewest } from "../room";
import { newerOf } from "../history";
import { roomName, state, type Draft } from "../state";
import { clock } from "../time";
import { say } from "../ui";
import { take } from "../uploads";
import { words } from "../words";
import { AttachButton, attached, Attachments, DropZone, pasteFiles } from "./attachments";
import { Icon } from "./icons";
import { Files } from "./files";
import { Completions, useNames } from "./mention";
import { Avatar } from "./parts";
import { Tree } from "./tree";

function reason(room: Room): string {
  if (room.may_post) return "";
  if (room.state === "archived") return words.archivedComposer;
  if (room.state === "deleted") return words.deletedComposer;
  switch (state.start.value?.state) {
    case "receiving": return words.receivingComposer;
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
function useArea(text: string): RefObject<HTMLTextAreaElement | null> {
  const area = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    if (matchMedia("(hover: hover)").matches && !state.opened.value?.marked && !state.dialog.value) area.current?.focus();
  }, []);
  useLayoutEffect(() => {
    const a = area.current;
    if (!a || CSS.supports("field-sizing", "content")) return;
    a.style.height = "auto";
    a.style.height = a.scrollHeight + 2 + "px";
  }, [text]);
  return area;
}

function Writer({ room }: { room: Room }): JSX.Element {
  const text = draftOf(room.id);
  const area = useArea(text);
  const over = [...text].length - maxText;
  const name = roomName(room);
  const write = (value: string) => setDraft(room.id, value);
  const names = useNames(area, room, write);
  const files = attached(room.id);
  const submit = () => {
    if (!files.ready) return say(words.stillSending);
    if (!files.count && !text.trim() || over > 0) return;
    send(room.id, text.replace(/\s+$/u, ""), { files: take(room.id) });
    write("");
    wroteIt();
    const pages = state.opened.value?.pages ?? [];
    if (newerOf(pages)) void toNewest(room.id);
    area.current?.focus();
  };
  return (
    <form
      class="composer" onSubmit={(e) => {
        e.preventDefault();
        submit();
      }}
    >
      <DropZone place={room.id} name={name} />
      <Attachments place={room.id} />
      <div class="composer-line">
        <AttachButton place={room.id} />
        <textarea
          ref={area} id="composer" onPaste={(e) => pasteFiles(e, room.id)} rows={1} dir="auto" value={text} placeholder={words.write(name)} aria-label={words.write(name)}
          aria-describedby="composer-hint" autocomplete="off" aria-autocomplete="list" aria-controls={names.people.length ? "mention-list" : undefined}
          aria-activedescendant={names.people.length ? "mention-" + names.at : undefined} onBlur={names.close}
          onInput={(e) => {
            write(e.currentTarget.value);
            iType(room.id);
            names.look();
          }}
          onKeyDown={(e) => {
            if (names.key(e)) return e.preventDefault();
            if (e.key !== "Enter" || e.shiftKey || e.isComposing) return;
            e.preventDefault();
            submit();
          }}
        />
        <Completions people={names.people} at={names.at} onPick={names.pick} />
        <button type="submit" class="icon-button send" aria-label={words.send} title={words.send} disabled={!files.count && !text.trim() || !files.ready || over > 0}>
          <Icon name="send" />
        </button>
      </div>
      <p class="composer-hint" id="composer-hint" role={over > 0 ? "alert" : undefined}>
        {over > 0 ? words.tooLong(over) : words.composerHint}
      </p>
    </form>
  );
}

// Waiting draws what is on its way, below the newest message.
export function Waiting({ room }: { room: string }): JSX.Element | null {
  const drafts = state.outbox.value.filter((d) => d.room === room && (!d.thread || d.shown));
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
