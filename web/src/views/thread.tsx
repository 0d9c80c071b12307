// A thread, beside the room that it is in, or over it on a phone.
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import type { Room } from "../api.gen";
import { daysOf } from "../history";
import { go, roomPath } from "../route";
import { nameOf } from "../state";
import { closeThread, follow, moreReplies, openThread, readThread, thread, type OpenThread } from "../threads";
import { longDay } from "../time";
import { words } from "../words";
import { Waiting, Writer } from "./composer";
import { GroupView } from "./message";
import { FaultBox, IconButton, Skeleton } from "./parts";

export function ThreadPanel({ room, id, message }: { room: Room; id: string; message: string }): JSX.Element {
  useEffect(() => openThread(room.id, id, message === id ? "" : message), [room.id, id, message]);
  useEffect(() => closeThread, [id]);
  const t = thread.value?.id === id ? thread.value : null;
  const close = () => go(roomPath(room.id));
  const alone = matchMedia("(max-width: 720px)").matches; // the room is not shown beside it
  return (
    <aside
      class="thread" aria-label={words.thread} onKeyDown={(e) => {
        if (e.key !== "Escape" || e.defaultPrevented) return;
        e.preventDefault();
        e.stopPropagation();
        close();
        document.getElementById("composer")?.focus();
      }}
    >
      <header class="thread-head">
        <IconButton icon="back" label={words.closeThread} class="only-phone" onClick={close} />
        {alone ? <h1>{words.thread}</h1> : <h2>{words.thread}</h2>}
        {t?.loaded && !t.fault && (
          <button type="button" class="small-button" aria-pressed={t.following} title={t.following ? words.unfollow : words.follow} onClick={() => void follow(t.id, !t.following)}>
            {t.following ? words.following : words.follow}
          </button>
        )}
        <IconButton icon="close" label={words.closeThread} class="only-wide" onClick={close} />
      </header>
      {t?.fault ? <div class="thread-fault"><FaultBox fault={t.fault} /></div> : !t?.loaded || !t.root ? <Skeleton rows={4} /> : <Replies t={t} />}
      {t?.root && !t.fault && (room.may_post ? <Writer key={t.id} room={room} thread={t.id} /> : null)}
    </aside>
  );
}

function Replies({ t }: { t: OpenThread }): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const stuck = useRef(!t.marked);
  const shown = useRef("");
  const days = useMemo(() => daysOf(t.messages, t.readTo), [t.messages, t.readTo]);
  useLayoutEffect(() => {
    const b = box.current;
    if (!b) return;
    if (t.marked && shown.current !== t.marked) {
      const row = b.querySelector<HTMLElement>(`article[data-id="${CSS.escape(t.marked)}"]`);
      if (row) {
        shown.current = t.marked;
        row.scrollIntoView({ block: "center" });
        row.focus({ preventScroll: true });
        return;
      }
    }
    if (stuck.current) b.scrollTop = b.scrollHeight;
  });
  const count = t.root?.replies?.count ?? 0;
  return (
    <div
      ref={box} class="thread-box" role="region" tabIndex={0} aria-label={words.repliesTo(nameOf(t.root?.author, t.root?.label))}
      onScroll={(e) => {
        const b = e.currentTarget;
        stuck.current = !t.newer && b.scrollHeight - b.scrollTop - b.clientHeight < 48;
        if (stuck.current) readThread();
      }}
    >
      {t.root && <GroupView group={{ key: t.root.id, messages: [t.root], fresh: false }} marked="" place="root" />}
      <p class="thread-line"><span>{count ? words.replies(count) : words.noReplies}</span></p>
      {t.older && <p class="edge-fault"><button type="button" class="small-button" disabled={t.loading} onClick={() => moreReplies("older")}>{words.olderReplies}</button></p>}
      {days.map((d) => (
        <div class="thread-day" role="group" key={d.key} aria-label={longDay(d.time)}>
          {days.length > 1 && <p class="thread-date">{longDay(d.time)}</p>}
          {d.groups.map((g) => <GroupView key={g.key} group={g} marked={g.messages.some((m) => m.id === t.marked) ? t.marked : ""} place="thread" />)}
        </div>
      ))}
      {t.newer && <p class="edge-fault"><button type="button" class="small-button" disabled={t.loading} onClick={() => moreReplies("newer")}>{words.newerReplies}</button></p>}
      {!t.newer && <Waiting room={t.room} thread={t.id} />}
    </div>
  );
}
