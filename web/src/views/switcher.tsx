// The quick switcher: a few letters, and one is there.
import type { JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { api } from "../api";
import type { Room } from "../api.gen";
import { best } from "../find";
import { go, roomPath, searchPath } from "../route";
import { otherOf, personOf, roomName, roomsByPlace, state } from "../state";
import { show } from "../ui";
import { words } from "../words";
import { directWith } from "./card";
import { Avatar, Modal, RoomIcon } from "./parts";

interface Choice {
  key: string;
  text: string; // what is searched
  name: string;
  note: string;
  icon: () => JSX.Element;
  to: string;
}

function roomChoice(room: Room): Choice {
  const name = roomName(room);
  const other = otherOf(room);
  return {
    key: room.id, text: name + " " + (other?.mention ?? ""), name,
    note: room.state === "archived" ? words.archived : other ? (other.off ? words.left : other.title ?? "") : room.topic ?? "",
    icon: () => <RoomIcon room={room} />, to: roomPath(room.id),
  };
}

// peopleChoices are those without a 1-1 yet: they lead to what they wrote.
function peopleChoices(): Choice[] {
  return [...state.people.value.values()]
    .filter((p) => personOf(p.id) === p && p.mention && !directWith(p.id))
    .map((p) => ({
      key: p.id, text: `${p.name} ${p.mention}`, name: p.name, note: p.off ? words.left : words.messagesFrom,
      icon: () => <Avatar person={p} name={p.name} size={20} />, to: searchPath(`from:${p.mention} `),
    }));
}

export function Switcher(): JSX.Element {
  const [query, setQuery] = useState("");
  const [at, setAt] = useState(0);
  const [more, setMore] = useState<Room[]>([]);
  const { stars, rooms, people } = roomsByPlace.value;
  const known = useMemo(() => [...stars, ...rooms, ...people].map(roomChoice), [stars, rooms, people]);
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
  const list = query.trim() ? best([...known, ...extra, ...persons], query, (c) => c.text, 12) : known.slice(0, 12);
  const chosen = Math.min(at, list.length - 1);
  const open = (c: Choice | undefined) => {
    if (!c) return;
    show(null);
    go(c.to);
  };
  const keys = (e: KeyboardEvent) => {
    if (e.key === "ArrowDown") setAt((chosen + 1) % Math.max(1, list.length));
    else if (e.key === "ArrowUp") setAt((chosen - 1 + list.length) % Math.max(1, list.length));
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
