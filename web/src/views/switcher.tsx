// The quick switcher: a few letters, and one is there.
import type { JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { api, faultOf } from "../api";
import type { Room } from "../api.gen";
import { close as near } from "../find";
import { converse } from "../rooms";
import { go, roomPath } from "../route";
import { otherOf, personOf, roomName, state } from "../state";
import { say, show } from "../ui";
import { words } from "../words";
import { canWrite, directWith } from "./card";
import { Avatar, Modal, RoomIcon } from "./parts";

interface Choice {
  key: string;
  text: string; // what is searched
  name: string;
  note: string;
  icon: () => JSX.Element;
  to: string; // where it leads; empty: a 1-1 that is to be begun
  weight: number; // what of two that fit the same comes first: more
}

const unread = (r: Room): boolean => ("unread" in r ? Number(r.unread ?? 0) > 0 : false);

// weightOf puts unread rooms first, then those used last; a room that one is
// not in comes after all of one's own.
function weightOf(room: Room): number {
  if (room.state) return -1;
  return (unread(room) ? 1e18 : 0) + (room.member ? (room.last ?? 0) + 1 : 0);
}

function roomChoice(room: Room): Choice {
  const name = roomName(room);
  const other = otherOf(room);
  return {
    key: room.id, text: name + " " + (other?.mention ?? ""), name, weight: weightOf(room),
    note: room.state === "archived" ? words.archived : other ? (other.off ? words.left : other.title ?? "") : room.topic ?? "",
    icon: () => <RoomIcon room={room} />, to: roomPath(room.id),
  };
}

// peopleChoices are those without a 1-1 yet: choosing one begins it.
function peopleChoices(): Choice[] {
  return [...state.people.value.values()]
    .filter((p) => personOf(p.id) === p && canWrite(p) && p.id !== state.start.value?.me.id && !directWith(p.id))
    .map((p) => ({
      key: p.id, text: `${p.name} ${p.mention ?? ""}`, name: p.name, note: words.message, weight: 0,
      icon: () => <Avatar person={p} name={p.name} size={20} />, to: "",
    }));
}

export function Switcher(): JSX.Element {
  const [query, setQuery] = useState("");
  const [at, setAt] = useState(0);
  const [more, setMore] = useState<Room[]>([]);
  const held = state.rooms.value;
  const known = useMemo(() => [...held.values()].map(roomChoice).sort((a, b) => b.weight - a.weight), [held]);
  const persons = useMemo(peopleChoices, []);
  useEffect(() => {
    if (!query.trim()) return setMore([]);
    let on = true;
    const timer = setTimeout(() => {
      api.rooms(query.trim(), true).then((r) => on && setMore(r.rooms ?? []), () => undefined);
    }, 150);
    return () => {
      on = false;
      clearTimeout(timer);
    };
  }, [query]);
  const extra = more.filter((r) => !state.rooms.value.has(r.id)).map(roomChoice);
  const here = state.opened.value?.id;
  const list = query.trim() ? near([...known, ...extra, ...persons], query, (c) => c.text, (c) => c.weight, 12) : known.filter((c) => c.key !== here && c.weight >= 0).slice(0, 12);
  const chosen = Math.min(at, list.length - 1);
  const open = (c: Choice | undefined) => {
    if (!c) return;
    show(null);
    if (c.to) return go(c.to);
    converse([c.key]).then((room) => go(roomPath(room.id)), (e: unknown) => say(faultOf(e).message));
  };
  const keys = (e: KeyboardEvent) => {
    const down = e.key === "ArrowDown" || (e.ctrlKey && e.key === "n");
    const up = e.key === "ArrowUp" || (e.ctrlKey && e.key === "p");
    if (down) setAt((chosen + 1) % Math.max(1, list.length));
    else if (up) setAt((chosen - 1 + list.length) % Math.max(1, list.length));
    else if (e.key === "Enter" && !e.isComposing) open(list[chosen]);
    else return;
    e.preventDefault();
  };
  return (
    <Modal title={words.switcher} class="switcher" hideTitle onClose={() => show(null)}>
      <input
        type="text" class="switcher-input" autoFocus placeholder={words.switcherHint} aria-label={words.switcher} value={query} autocomplete="off"
        role="combobox" aria-expanded={list.length > 0} aria-controls="switcher-list" aria-activedescendant={list[chosen] ? "choice-" + chosen : undefined}
        onInput={(e) => {
          setQuery(e.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={keys}
      />
      {list.length > 0 ? (
        <ul class="choices" role="listbox" id="switcher-list" aria-label={words.switcher}>
          {list.map((c, i) => (
            <li key={c.key} id={"choice-" + i} role="option" aria-selected={i === chosen} onPointerMove={() => setAt(i)} onClick={() => open(c)}>
              {c.icon()}<span class="side-name" dir="auto">{c.name}</span><span class="quiet choice-note" dir="auto">{c.note}</span>
            </li>
          ))}
        </ul>
      ) : <p class="quiet choices-none" role="status">{words.nothingFits}</p>}
    </Modal>
  );
}
