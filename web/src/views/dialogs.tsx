// Dialogs: a date to go to, keys, a sign-in link.
import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { dayKey } from "../history";
import { jump, toDay, toNewest } from "../room";
import { openedRoom } from "../state";
import { dayAndClock, shortDay } from "../time";
import { copy, show } from "../ui";
import { words } from "../words";
import { Icon } from "./icons";
import { IconButton, Modal } from "./parts";

const close = () => show(null);

export function HelpDialog(): JSX.Element {
  return (
    <Modal title={words.help} onClose={close}>
      <table class="keys"><tbody>
        {words.shortcuts.map(([keys, what]) => (
          <tr key={keys}><th scope="row">{keys.split(" ").map((k, i) => (k === "/" && i > 0 ? " / " : <kbd key={i}>{k}</kbd>))}</th><td>{what}</td></tr>
        ))}
      </tbody></table>
    </Modal>
  );
}

export function LinkDialog({ name, url, expires }: { name: string; url: string; expires: number }): JSX.Element {
  const ref = useRef<HTMLInputElement>(null);
  return (
    <Modal title={words.linkFor(name)} onClose={close}>
      <p>{words.linkOnce(dayAndClock(expires))}</p>
      <div class="copy-line">
        <input ref={ref} readOnly value={url} aria-label={words.linkFor(name)} onFocus={(e) => e.currentTarget.select()} />
        <button type="button" class="button primary" onClick={() => void copy(url, words.linkCopied)}>{words.copy}</button>
      </div>
    </Modal>
  );
}

const monthName = new Intl.DateTimeFormat(words.locale, { month: "long" });
const weekday = new Intl.DateTimeFormat(words.locale, { weekday: "short" });
const months = Array.from({ length: 12 }, (_, m) => monthName.format(new Date(2024, m, 1)));
const weekdays = Array.from({ length: 7 }, (_, d) => weekday.format(new Date(2024, 0, d + 1))); // 1 January 2024 was a Monday

const key = (y: number, m: number, d: number) => dayKey(new Date(y, m, d, 12).getTime() * 1000);

// DateDialog is a calendar from the room's first message to today.
export function DateDialog(): JSX.Element | null {
  const room = openedRoom.value;
  const today = dayKey(Date.now() * 1000);
  const first = room?.first ? dayKey(room.first) : "1970-01-01";
  const start = shownDay() || (room?.last ? dayKey(room.last) : today);
  const [day, setDay] = useState(start);
  if (!room) return null;
  const [year = 1970, month = 1] = day.split("-").map(Number);
  const go = (d: string) => {
    close();
    void toDay(room.id, d);
  };
  const turn = (y: number, m: number) => {
    const last = new Date(y, m + 1, 0).getDate();
    setDay(clamp(key(y, m, Math.min(Number(day.slice(8)), last)), first, today));
  };
  const years = Array.from({ length: Number(today.slice(0, 4)) - Number(first.slice(0, 4)) + 1 }, (_, i) => Number(first.slice(0, 4)) + i);
  return (
    <Modal title={words.jumpToDate} class="date" onClose={close}>
      <div class="month-line">
        <IconButton icon="back" label={words.datePrevious} onClick={() => turn(year, month - 2)} />
        <select aria-label={words.dateMonth} value={month - 1} onChange={(e) => turn(year, Number(e.currentTarget.value))}>
          {months.map((m, i) => <option key={m} value={i}>{m}</option>)}
        </select>
        <select aria-label={words.dateYear} value={year} onChange={(e) => turn(Number(e.currentTarget.value), month - 1)}>
          {years.map((y) => <option key={y} value={y}>{y}</option>)}
        </select>
        <IconButton icon="chevron" label={words.dateNext} onClick={() => turn(year, month)} />
      </div>
      <Month day={day} first={first} today={today} onMove={setDay} onGo={go} />
      <div class="date-foot">
        <button type="button" class="button" onClick={() => { close(); void jump(room.id, { at: first }, { to: "top" }); }}>{words.dateFirst}</button>
        <button type="button" class="button" onClick={() => { close(); void toNewest(room.id); }}>{words.dateNewest}</button>
        <button type="button" class="button primary" onClick={() => go(day)}><Icon name="calendar" size={16} /> {words.dateGo}</button>
      </div>
    </Modal>
  );
}

interface MonthProps {
  day: string;
  first: string;
  today: string;
  onMove: (day: string) => void;
  onGo: (day: string) => void;
}

const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 };

function Month({ day, first, today, onMove, onGo }: MonthProps): JSX.Element {
  const grid = useRef<HTMLDivElement>(null);
  const [year = 1970, month = 1, date = 1] = day.split("-").map(Number);
  const keys = (e: KeyboardEvent) => {
    const by = steps[e.key];
    if (by === undefined) return;
    e.preventDefault();
    onMove(clamp(key(year, month - 1, date + by), first, today));
    requestAnimationFrame(() => grid.current?.querySelector<HTMLElement>("[tabindex='0']")?.focus());
  };
  return (
    <div ref={grid} class="month" role="group" aria-label={`${months[month - 1]} ${year}`} onKeyDown={keys}>
      {weekdays.map((w) => <span key={w} class="weekday" aria-hidden="true">{w}</span>)}
      {daysOfMonth(year, month - 1).map((d) => (
        <button
          key={d.key} type="button" class={"month-day" + (d.key === today ? " today" : "")} style={{ gridColumn: d.column }}
          tabIndex={d.key === day ? 0 : -1} aria-pressed={d.key === day} disabled={d.key < first || d.key > today}
          aria-label={shortDay(new Date(year, month - 1, d.day, 12).getTime() * 1000)} onClick={() => onGo(d.key)}
        >
          {d.day}
        </button>
      ))}
    </div>
  );
}

const clamp = (d: string, low: string, high: string) => (d < low ? low : d > high ? high : d);

// shownDay is the day that is in view, so that the calendar begins there.
function shownDay(): string {
  const box = document.getElementById("history");
  const top = box?.getBoundingClientRect().top ?? 0;
  const row = [...(box?.querySelectorAll("article[data-id]") ?? [])].find((r) => r.getBoundingClientRect().bottom > top + 40);
  const time = row?.querySelector("time")?.dateTime;
  return time ? dayKey(Date.parse(time) * 1000) : "";
}

function daysOfMonth(year: number, month: number): { key: string; day: number; column: number }[] {
  const last = new Date(year, month + 1, 0).getDate();
  return Array.from({ length: last }, (_, i) => ({
    key: key(year, month, i + 1), day: i + 1, column: ((new Date(year, month, i + 1).getDay() + 6) % 7) + 1,
  }));
}
