// What can be done with a message: a few buttons beside it, and a menu with
// the rest, which a long press opens as well.
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { Message } from "../api.gen";
import { markUnread } from "../marks";
import { go, roomPath } from "../route";
import { state } from "../state";
import { beginEdit, mayDelete, mayEdit, mayWrite, saved, setPinned, setSaved, spoken } from "../talk";
import { follow, thread } from "../threads";
import { copy, show } from "../ui";
import { words } from "../words";
import { Icon, type IconName } from "./icons";
import { linkTo } from "./message";
import { IconButton } from "./parts";
import { pickFor } from "./pickerhost";
import { plainText } from "./tree";

// Place says where a message is drawn.
export type Place = "room" | "thread" | "root" | "list";

interface Menu {
  message: Message;
  place: Place;
  x: number;
  y: number;
  sheet: boolean; // over the whole width at the foot, for fingers
}

const menu = signal<Menu | null>(null);

// The buttons can be reached from the message that has the focus; a history
// of hundreds of messages is no row of a thousand tab stops.
export function Toolbar({ message: m, place }: { message: Message; place: Place }): JSX.Element {
  const write = mayWrite(m) && !m.gone && spoken(m);
  const reply = place === "room" && spoken(m) && (write || Boolean(m.replies));
  return (
    <div class="toolbar" role="toolbar" aria-label={words.actions}>
      {write && <IconButton icon="react" label={words.react} onClick={() => pickFor(m)} />}
      {reply && <IconButton icon="thread" label={words.replyInThread} onClick={() => go(roomPath(m.room, "", m.thread || m.id))} />}
      {mayEdit(m) && <IconButton icon="edit" label={words.edit} onClick={() => void beginEdit(m, place === "thread" || place === "root")} />}
      <IconButton icon="link" label={words.copyLink} onClick={() => void copy(linkTo(m), words.linkCopied)} />
      <button
        type="button" class="icon-button" aria-label={words.moreActions} title={words.moreActions} aria-haspopup="menu"
        aria-expanded={menu.value?.message.id === m.id && menu.value.place === place}
        onClick={(e) => {
          const box = e.currentTarget.getBoundingClientRect();
          openMenu(m, place, box.right, box.bottom);
        }}
      >
        <Icon name="more" />
      </button>
    </div>
  );
}

export function openMenu(message: Message, place: Place, x: number, y: number): void {
  menu.value = { message, place, x, y, sheet: matchMedia("(max-width: 720px)").matches };
}

const longPress = 450; // ms

interface Holding {
  onPointerDown: (e: PointerEvent) => void;
  onPointerMove: (e: PointerEvent) => void;
  onPointerUp: () => void;
  onPointerCancel: () => void;
  onContextMenu: (e: MouseEvent) => void;
}

// held are the handlers of a message that a finger rests on.
export function held(m: Message, place: Place): Holding {
  let timer = 0;
  let from = { x: 0, y: 0 };
  const stop = () => clearTimeout(timer);
  return {
    onPointerDown: (e) => {
      stop();
      const on = e.target instanceof Element ? e.target : null;
      if (e.pointerType !== "touch" || on?.closest("a, button, input, textarea, audio, video")) return;
      from = { x: e.clientX, y: e.clientY };
      timer = window.setTimeout(() => {
        getSelection()?.removeAllRanges();
        // The finger is lifted over the sheet, which it must not choose from.
        addEventListener("touchend", (end) => end.cancelable && end.preventDefault(), { once: true, capture: true, passive: false });
        openMenu(m, place, from.x, from.y);
      }, longPress);
    },
    onPointerMove: (e) => {
      if (Math.hypot(e.clientX - from.x, e.clientY - from.y) > 10) stop();
    },
    onPointerUp: stop,
    onPointerCancel: stop,
    onContextMenu: (e) => {
      if (menu.value && e instanceof PointerEvent && e.pointerType === "touch") e.preventDefault();
    },
  };
}

interface Action {
  icon: IconName;
  text: string;
  run: () => void;
  danger?: boolean;
}

function actionsOf(m: Message, place: Place): Action[] {
  const text = m.gone ? "" : plainText(m.tree ?? []).trim();
  const write = mayWrite(m) && !m.gone && spoken(m);
  const kept = saved.value.has(m.id);
  const root = m.thread || m.id;
  const following = thread.value?.id === root ? thread.value.following : null;
  const list: (Action | false | undefined)[] = [
    write && { icon: "react", text: words.react, run: () => pickFor(m) },
    spoken(m) && place !== "thread" && place !== "root" && (write || Boolean(m.replies)) && { icon: "thread", text: words.replyInThread, run: () => go(roomPath(m.room, "", root)) },
    mayEdit(m) && { icon: "edit", text: words.edit, run: () => void beginEdit(m, place === "thread" || place === "root") },
    Boolean(text) && { icon: "copy", text: words.copyText, run: () => void copy(text, words.textCopied) },
    { icon: "link", text: words.copyLink, run: () => void copy(linkTo(m), words.linkCopied) },
    (!m.gone || kept) && { icon: "bookmark", text: kept ? words.unsave : words.saveMessage, run: () => void setSaved(m, !kept) },
    write && { icon: "pin", text: m.pinned ? words.unpin : words.pin, run: () => void setPinned(m, !m.pinned) },
    place === "room" && state.rooms.value.has(m.room) && { icon: "unread", text: words.markUnread, run: () => void markUnread(m) },
    following !== null && { icon: "bell", text: following ? words.unfollow : words.follow, run: () => void follow(root, !following) },
    Boolean(m.edited) && !m.gone && { icon: "history", text: words.showEdits, run: () => show({ kind: "revisions", message: m.id }) },
    mayDelete(m) && { icon: "trash", text: words.delete, danger: true, run: () => show({ kind: "delete", message: m }) },
  ];
  return list.filter((x): x is Action => Boolean(x));
}

export function MessageMenu(): JSX.Element | null {
  const m = menu.value;
  return m ? <Opened key={m.message.id + m.x} {...m} /> : null;
}

function Opened({ message, place, x, y, sheet }: Menu): JSX.Element {
  const ref = useRef<HTMLDivElement>(null);
  const actions = actionsOf(message, place);
  const close = (back: boolean) => {
    menu.value = null;
    if (back) before.current?.focus({ preventScroll: true });
  };
  const before = useRef<HTMLElement | null>(document.activeElement instanceof HTMLElement ? document.activeElement : null);
  useLayoutEffect(() => {
    const e = ref.current;
    if (!e) return;
    if (!sheet) {
      const box = e.getBoundingClientRect();
      e.style.left = Math.max(8, Math.min(x - box.width, innerWidth - box.width - 8)) + "px";
      e.style.top = Math.max(8, y + 4 + box.height > innerHeight - 8 ? y - box.height - 34 : y + 4) + "px";
    }
    e.querySelector("button")?.focus();
  }, []);
  useEffect(() => {
    const outside = (e: PointerEvent) => {
      if (e.target instanceof globalThis.Node && !ref.current?.contains(e.target)) close(false);
    };
    const away = () => close(false);
    addEventListener("pointerdown", outside);
    addEventListener("resize", away);
    return () => {
      removeEventListener("pointerdown", outside);
      removeEventListener("resize", away);
    };
  }, []);
  const keys = (e: KeyboardEvent) => {
    const all = [...(ref.current?.querySelectorAll("button") ?? [])];
    const i = all.findIndex((b) => b === document.activeElement);
    if (e.key === "ArrowDown") all[(i + 1) % all.length]?.focus();
    else if (e.key === "ArrowUp") all[(i - 1 + all.length) % all.length]?.focus();
    else if (e.key === "Home") all[0]?.focus();
    else if (e.key === "End") all.at(-1)?.focus();
    else if (e.key === "Escape" || e.key === "Tab") close(true);
    else return;
    e.preventDefault();
    e.stopPropagation();
  };
  return (
    <>
      {sheet && <div class="sheet-back" />}
      <div ref={ref} class={sheet ? "menu sheet" : "menu"} role="menu" aria-label={words.actions} onKeyDown={keys}>
        {actions.map((a) => (
          <button
            key={a.text} type="button" role="menuitem" class={a.danger ? "danger" : ""} tabIndex={-1}
            onClick={() => {
              close(true);
              a.run();
            }}
          >
            <Icon name={a.icon} /> {a.text}
          </button>
        ))}
      </div>
    </>
  );
}
