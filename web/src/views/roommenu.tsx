// What can be done with a room, as a menu: by the right button, by the
// keyboard's menu key, or by the button of its header.
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { Room } from "../api.gen";
import { faultOf } from "../api";
import { go, roomPath } from "../route";
import { isTalk, leave, setMine, shift } from "../rooms";
import { roomName, roomsByPlace, state } from "../state";
import { copy, keep, say, show } from "../ui";
import { words } from "../words";
import { Icon } from "./icons";

export function openMenu(room: string, x: number, y: number): void {
  state.menu.value = { room, x, y };
}

export function openMenuAt(room: string, at: Element): void {
  const box = at.getBoundingClientRect();
  openMenu(room, box.left, box.bottom + 4);
}

interface Item {
  text: string;
  act: () => void;
  checked?: boolean; // one of several
}

export function RoomMenu(): JSX.Element | null {
  const menu = state.menu.value;
  const room = menu && (state.rooms.value.get(menu.room) ?? (state.opened.value?.id === menu.room ? state.opened.value.details : null));
  return menu && room ? <Shown key={menu.room} room={room} x={menu.x} y={menu.y} /> : null;
}

function itemsOf(room: Room): Item[][] {
  const name = roomName(room);
  const { stars, rooms, people } = roomsByPlace.value;
  const list = [stars, rooms, people].find((l) => l.some((r) => r.id === room.id)) ?? [];
  const i = list.findIndex((r) => r.id === room.id);
  const opened = state.opened.value?.id === room.id;
  const first: Item[] = [];
  if (opened) first.push({ text: words.filesHere, act: () => show({ kind: "files" }) });
  if (opened) first.push({ text: words.details, act: () => show({ kind: "details" }) });
  if (room.member && opened && (isTalk(room) || (room.may ?? []).includes("invite"))) first.push({ text: words.invitePeople, act: () => show({ kind: "invite", room: room.id }) });
  first.push({ text: words.copyRoomLink, act: () => void copy(location.origin + roomPath(room.id), words.linkCopied) });
  if (!room.member) return [first];
  const mine: Item[] = [{ text: room.star ? words.unstar : words.star, act: () => void setMine(room, { star: !room.star }) }];
  if (i > 0) mine.push({ text: words.moveUp, act: () => shift(room.id, -1) });
  if (i >= 0 && i < list.length - 1) mine.push({ text: words.moveDown, act: () => shift(room.id, 1) });
  const levels = words.levels.map(([level, text]) => ({
    text, checked: (room.notify ?? "") === level, act: () => void setMine(room, { notify: level }),
  }));
  const last: Item = isTalk(room)
    ? { text: words.hide, act: () => hide(room) }
    : { text: words.leaveRoom, act: () => (room.type === "private" ? goAndAsk(room) : void leaveNow(room, name)) };
  return [first, mine, levels, [last]];
}

function hide(room: Room): void {
  void setMine(room, { hidden: true, star: false });
  if (state.opened.value?.id !== room.id) return;
  keep("room", ""); // or the start would open it again
  go("/");
}

// goAndAsk opens the details, where leaving a private room is asked once more.
function goAndAsk(room: Room): void {
  go(roomPath(room.id));
  show({ kind: "details" });
}

export async function leaveNow(room: Room, name: string): Promise<void> {
  try {
    await leave(room.id);
    show(null);
    say(words.left_(name));
    if (state.opened.value?.id === room.id) go("/rooms");
  } catch (e) {
    say(faultOf(e).message);
  }
}

function Shown({ room, x, y }: { room: Room; x: number; y: number }): JSX.Element {
  const ref = useRef<HTMLDivElement>(null);
  const close = () => (state.menu.value = null);
  useLayoutEffect(() => {
    const e = ref.current;
    if (!e) return;
    const box = e.getBoundingClientRect();
    e.style.left = Math.max(8, Math.min(x, innerWidth - box.width - 8)) + "px";
    e.style.top = Math.max(8, Math.min(y, innerHeight - box.height - 8)) + "px";
    const before = document.activeElement;
    e.querySelector<HTMLElement>("button")?.focus();
    return () => {
      if (before instanceof HTMLElement && before.isConnected && !state.dialog.value) before.focus();
    };
  }, []);
  useEffect(() => {
    const outside = (e: PointerEvent) => {
      if (e.target instanceof globalThis.Node && !ref.current?.contains(e.target)) close();
    };
    addEventListener("pointerdown", outside);
    return () => removeEventListener("pointerdown", outside);
  }, []);
  const keys = (e: KeyboardEvent) => {
    const all = [...(ref.current?.querySelectorAll<HTMLElement>("button") ?? [])];
    const i = all.findIndex((b) => b === document.activeElement);
    if (e.key === "ArrowDown") all[(i + 1) % all.length]?.focus();
    else if (e.key === "ArrowUp") all[(i - 1 + all.length) % all.length]?.focus();
    else if (e.key === "Home") all[0]?.focus();
    else if (e.key === "End") all.at(-1)?.focus();
    else if (e.key === "Escape" || e.key === "Tab") close();
    else return;
    e.preventDefault();
    e.stopPropagation();
  };
  return (
    <div role="region" aria-label={words.roomMenu}>
    <div ref={ref} class="menu" role="menu" aria-label={words.menuFor(roomName(room))} onKeyDown={keys} onContextMenu={(e) => e.preventDefault()}>
      {itemsOf(room).map((group, n) => (
        <div key={n} role="group" class="menu-group" aria-label={group[0]?.checked !== undefined ? words.level : undefined}>
          {group[0]?.checked !== undefined && <span class="menu-title" aria-hidden="true">{words.level}</span>}
          {group.map((item) => (
            <button
              key={item.text} type="button" tabIndex={-1} role={item.checked === undefined ? "menuitem" : "menuitemradio"} aria-checked={item.checked}
              onClick={() => {
                close();
                item.act();
              }}
            >
              <span class="grow">{item.text}</span>{item.checked && <Icon name="check" size={16} />}
            </button>
          ))}
        </div>
      ))}
    </div>
    </div>
  );
}
