// The history of a room: scrolls without end both ways. What is held is
// drawn whole; older and newer pages come before the edge is reached, and
// what is in view stays where it is while they do.
import type { JSX, RefObject } from "preact";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Room } from "../api.gen";
import { daysOf, messagesOf, newerOf, olderOf, type Day } from "../history";
import { read } from "../marks";
import { loadNewer, loadOlder, toNewest } from "../room";
import { roomName, state, type Opened, type Seek } from "../state";
import { longDay } from "../time";
import { copy } from "../ui";
import { words } from "../words";
import { Waiting } from "./composer";
import { Icon } from "./icons";
import { GroupView, linkTo } from "./message";
import { Empty, FaultBox, Later } from "./parts";

const ahead = 1600; // px before an edge at which the next page is fetched
const nearEnd = 48; // px from the end that still count as the end

interface Anchor {
  id: string;
  top: number;
}

// Keeper keeps what the reader sees where it is, whatever is drawn around it.
class Keeper {
  anchor: Anchor | null = null;
  stuck = true; // to the newest message

  constructor(readonly box: HTMLElement) {}

  rows(): HTMLElement[] {
    return [...this.box.querySelectorAll<HTMLElement>("article[data-id]")];
  }

  // note remembers the first message in view and where it is.
  note(): void {
    const top = this.box.getBoundingClientRect().top;
    const rows = this.rows();
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const mid = (low + high) >> 1;
      if (rows[mid]!.getBoundingClientRect().bottom > top + 40) high = mid;
      else low = mid + 1;
    }
    const row = rows[low];
    this.anchor = row?.dataset.id ? { id: row.dataset.id, top: row.getBoundingClientRect().top } : null;
  }

  find(id: string): HTMLElement | null {
    return this.box.querySelector(`article[data-id="${CSS.escape(id)}"]`);
  }

  restore(): void {
    if (this.stuck) {
      this.box.scrollTop = this.box.scrollHeight;
      return;
    }
    const row = this.anchor && this.find(this.anchor.id);
    if (!row || !this.anchor) return;
    const moved = row.getBoundingClientRect().top - this.anchor.top;
    if (Math.abs(moved) >= 1) this.box.scrollTop += moved;
  }

  toEnd(): number {
    return this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight;
  }
}

// look loads what comes next at an edge that is near, and returns whether the
// newest message is far away.
function look(k: Keeper): boolean {
  const o = state.opened.value;
  if (!o) return false;
  const atNewest = !newerOf(o.pages);
  k.stuck = atNewest && k.toEnd() < nearEnd;
  if (k.stuck) read(o.id);
  if (o.edge.older === null && k.box.scrollTop < ahead && olderOf(o.pages)) loadOlder();
  else if (o.edge.newer === null && k.toEnd() < ahead && !atNewest) loadNewer();
  return !atNewest || k.toEnd() > k.box.clientHeight;
}

// useKeeper keeps the place while the page around it changes.
function useKeeper(box: RefObject<HTMLElement | null>, inner: RefObject<HTMLElement | null>, opened: Opened, setAway: (away: boolean) => void): RefObject<Keeper | null> {
  const keeper = useRef<Keeper>(null);
  const sought = useRef<Seek | null>(null);

  // Taken while the old rows are still there: pages may come between two
  // events of scrolling.
  keeper.current?.note();

  useLayoutEffect(() => {
    if (!box.current || !inner.current) return;
    const k = new Keeper(box.current);
    keeper.current = k;
    const sizes = new ResizeObserver(() => {
      k.restore();
      k.note();
    });
    sizes.observe(inner.current);
    sizes.observe(box.current);
    return () => sizes.disconnect();
  }, []);

  useLayoutEffect(() => {
    const k = keeper.current;
    if (!k || !opened.loaded) return;
    if (opened.seek && opened.seek !== sought.current) {
      sought.current = opened.seek;
      seek(k, opened);
    } else {
      k.restore();
    }
    k.note();
    setAway(look(k));
  });
  return keeper;
}

export function History({ opened, room }: { opened: Opened; room: Room }): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const inner = useRef<HTMLDivElement>(null);
  const [away, setAway] = useState(false);
  const keeper = useKeeper(box, inner, opened, setAway);
  const days = useMemo(() => daysOf(messagesOf(opened.pages), opened.readTo), [opened.pages, opened.readTo]);
  const scrolled = () => {
    const k = keeper.current;
    if (!k) return;
    k.note();
    setAway(look(k));
  };
  return (
    <div class="history-box">
      <div
        ref={box} class="history" role="region" tabIndex={0} aria-label={words.history(roomName(room))} id="history"
        onScroll={scrolled} onKeyDown={(e) => keys(e, keeper.current, opened)}
      >
        <div ref={inner} class="history-inner">
          <Top opened={opened} room={room} />
          {days.map((d) => <DayView key={d.key} day={d} marked={opened.marked} />)}
          {opened.edge.newer && <EdgeFault text={words.newerFailed} again={loadNewer} />}
          {!newerOf(opened.pages) && <Waiting room={opened.id} />}
        </div>
      </div>
      {away && (
        <button type="button" class="to-newest" onClick={() => void newest(opened, keeper.current)}>
          <Icon name="down" size={16} /> {opened.news ? words.newBelow : words.toNewest}
        </button>
      )}
    </div>
  );
}

function seek(k: Keeper, o: Opened): void {
  const to = o.seek;
  k.stuck = to?.to === "newest";
  if (!to || to.to === "newest") {
    k.box.scrollTop = k.box.scrollHeight;
  } else if (to.to === "top") {
    k.box.scrollTop = 0;
    // A day that is there has its divider at the top; loading what is older
    // must keep it there.
    const first = k.rows()[0];
    if (first && olderOf(o.pages)) k.box.scrollTop = Math.max(1, first.offsetTop - 60);
  } else {
    const row = k.find(to.id);
    row?.scrollIntoView({ block: "center" });
    if (to.mark) row?.focus({ preventScroll: true });
  }
}

async function newest(o: Opened, k: Keeper | null): Promise<void> {
  if (newerOf(o.pages)) await toNewest(o.id);
  else if (k) k.box.scrollTop = k.box.scrollHeight;
  k?.box.focus({ preventScroll: true });
}

function keys(e: KeyboardEvent, k: Keeper | null, o: Opened): void {
  if (!k || e.ctrlKey || e.metaKey || e.altKey) return;
  const target = e.target instanceof HTMLElement ? e.target : null;
  if (target?.closest("input, textarea, audio, video, pre, .table-box")) return;
  const rows = k.rows();
  const at = rows.findIndex((r) => r.contains(document.activeElement));
  const focus = (i: number) => {
    const row = rows[Math.max(0, Math.min(rows.length - 1, i))];
    row?.focus({ preventScroll: true });
    row?.scrollIntoView({ block: "nearest" });
  };
  if (e.key === "ArrowUp") focus(at < 0 ? rows.length - 1 : at - 1);
  else if (e.key === "ArrowDown") focus(at < 0 ? rows.length - 1 : at + 1);
  else if (e.key === "End" || e.key === "Escape") void newest(o, k);
  else if (e.key === "Home") focus(0);
  else if (e.key === "c" && at >= 0) {
    const m = messagesOf(o.pages).find((x) => x.id === rows[at]?.dataset.id);
    if (m) void copy(linkTo(m), words.linkCopied);
  } else if (at < 0 || target !== rows[at] || !press(rows[at]!, e.key)) return;
  e.preventDefault();
}

const buttonOf: Record<string, string> = { r: words.react, t: words.replyInThread, e: words.edit, m: words.moreActions };

// press is a key for a button of the message that has the focus.
function press(row: HTMLElement, key: string): boolean {
  const label = buttonOf[key];
  const button = label && [...row.querySelectorAll<HTMLButtonElement>(":scope > .toolbar button")].find((b) => b.ariaLabel === label);
  if (!button) return false;
  button.focus();
  button.click();
  return true;
}

function DayView({ day, marked }: { day: Day; marked: string }): JSX.Element {
  return (
    <section class="day" aria-label={longDay(day.time)}>
      <div class="day-line"><span>{longDay(day.time)}</span></div>
      {day.groups.map((g) => <GroupView key={g.key} group={g} marked={g.messages.some((m) => m.id === marked) ? marked : ""} />)}
    </section>
  );
}

function EdgeFault({ text, again }: { text: string; again: () => void }): JSX.Element {
  return (
    <p class="edge-fault" role="alert">
      {text} <button type="button" class="small-button" onClick={again}>{words.tryAgain}</button>
    </p>
  );
}

function Top({ opened, room }: { opened: Opened; room: Room }): JSX.Element | null {
  if (opened.fault) return <FaultBox fault={opened.fault} />;
  if (opened.edge.older) return <EdgeFault text={words.olderFailed} again={loadOlder} />;
  if (!opened.loaded) return null;
  const direct = room.type === "direct";
  if (!opened.pages.length) {
    return (
      <Empty icon={direct ? "person" : "hash"} title={words.emptyRoom}>
        <p>{direct ? words.emptyDirect : words.emptyRoomHint}</p>
      </Empty>
    );
  }
  if (olderOf(opened.pages)) return opened.loading === "older" ? <div class="edge-wait"><Later>{words.loading}</Later></div> : <div class="edge-wait" />;
  return <p class="beginning">{direct ? words.beginningDirect : words.beginning(roomName(room))}</p>;
}
