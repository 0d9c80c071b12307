// Pages of messages from many rooms: threads that one follows, and what one
// has saved.
import { useEffect, useState } from "preact/hooks";
import type { ComponentChildren, JSX } from "preact";
import { faultOf, type Fault } from "../api";
import type { FollowedThread, Message, Room, SavedMessage } from "../api.gen";
import { roomPath } from "../route";
import { roomName } from "../state";
import { learnSaved, saved, talk } from "../talk";
import { followed, threadPage, unreadThreads } from "../threads";
import { words } from "../words";
import { Icon } from "./icons";
import { GroupView } from "./message";
import { PageFrame } from "./directory";
import { Empty, FaultBox, RoomIcon, Skeleton } from "./parts";

interface Listed<T> {
  list: T[] | null;
  more: boolean;
  fault: Fault | null;
  next: () => void;
}

// useList fetches a list page by page.
function useList<T>(fetchPage: (skip: number) => Promise<{ list: T[]; more: boolean }>): Listed<T> {
  const [list, setList] = useState<T[] | null>(null);
  const [more, setMore] = useState(false);
  const [fault, setFault] = useState<Fault | null>(null);
  const next = () => {
    fetchPage(list?.length ?? 0).then(
      (page) => {
        setList([...(list ?? []), ...page.list]);
        setMore(page.more);
        setFault(null);
      },
      (e: unknown) => setFault(faultOf(e)),
    );
  };
  useEffect(next, []);
  return { list, more, fault, next };
}

function Frame({ title, lead, listed, empty, children }: { title: string; lead: string; listed: Listed<unknown>; empty: JSX.Element; children: ComponentChildren }): JSX.Element {
  return (
    <PageFrame title={title} lead={lead}>
      {listed.fault && <FaultBox fault={listed.fault}><button type="button" class="button" onClick={listed.next}>{words.tryAgain}</button></FaultBox>}
      {!listed.list && !listed.fault && <Skeleton />}
      {listed.list?.length === 0 ? empty : <div>{children}</div>}
      {listed.more && <button type="button" class="button" onClick={listed.next}>{words.more}</button>}
    </PageFrame>
  );
}

function Where({ room, children }: { room: Room; children?: ComponentChildren }): JSX.Element {
  return (
    <header class="list-head">
      <RoomIcon room={room} size={16} /> <a href={roomPath(room.id)} dir="auto">{roomName(room)}</a>{children}
    </header>
  );
}

const alone = (m: Message) => ({ key: m.id, messages: [m], fresh: false });

export function ThreadsPage(): JSX.Element {
  const [only, setOnly] = useState(false);
  const listed = useList<FollowedThread>(async (skip) => {
    const page = await threadPage(skip);
    return { list: page.threads, more: page.more === true };
  });
  const fresh = (t: FollowedThread) => followed.value.get(t.root.id) === true;
  const list = (listed.list ?? []).filter((t) => !only || fresh(t));
  return (
    <Frame
      title={words.threads} lead={words.threadsLead} listed={listed}
      empty={<Empty icon="thread" title={words.noThreads}><p>{words.noThreadsHint}</p></Empty>}
    >
      {(listed.list?.length ?? 0) > 0 && (
        <p class="page-tools"><label class="check"><input type="checkbox" checked={only} onChange={(e) => setOnly(e.currentTarget.checked)} /> {words.onlyUnread(unreadThreads.value)}</label></p>
      )}
      {list.map((t) => (
        <div role="group" class="listed" key={t.root.id} aria-label={words.threadIn(roomName(t.room))}>
          <Where room={t.room}>{fresh(t) && <span class="tag fresh">{words.newSince}</span>}</Where>
          <GroupView group={alone(t.root)} marked="" place="list" />
          <div class="listed-replies">
            {(t.root.replies?.count ?? 0) > t.newest.length && <p class="quiet">{words.earlierReplies((t.root.replies?.count ?? 0) - t.newest.length)}</p>}
            {t.newest.map((m) => <GroupView key={m.id} group={alone(m)} marked="" place="list" />)}
          </div>
          <p class="listed-foot"><a class="button" href={roomPath(t.room.id, "", t.root.id)}><Icon name="thread" /> {words.openThread}</a></p>
        </div>
      ))}
    </Frame>
  );
}

export function SavedPage(): JSX.Element {
  const listed = useList<SavedMessage>(async (skip) => {
    const page = await talk.saved(skip);
    learnSaved(page.saved.map((s) => s.message), page.saved.map((s) => s.message.id));
    return { list: page.saved, more: page.more === true };
  });
  // What is taken off the list stays until the page is left, to be put back.
  return (
    <Frame
      title={words.savedMessages} lead={words.savedLead} listed={listed}
      empty={<Empty icon="bookmark" title={words.noSaved}><p>{words.noSavedHint}</p></Empty>}
    >
      {(listed.list ?? []).map((s) => (
        <div role="group" class={"listed" + (saved.value.has(s.message.id) ? "" : " off")} key={s.message.id} aria-label={words.savedIn(roomName(s.room))}>
          <Where room={s.room} />
          <GroupView group={alone(s.message)} marked="" place="list" />
          <p class="listed-foot"><a class="button" href={roomPath(s.room.id, s.message.id)}>{words.inContext}</a></p>
        </div>
      ))}
    </Frame>
  );
}
