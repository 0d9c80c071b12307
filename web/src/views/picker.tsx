// Choosing people: type a few letters, take one, and again.
import type { JSX } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import type { Person } from "../api.gen";
import { best } from "../find";
import { nameOf, personOf, state } from "../state";
import { words } from "../words";
import { Icon } from "./icons";
import { Avatar } from "./parts";

interface Props {
  id: string;
  label: string;
  picked: string[];
  onPick: (people: string[]) => void;
  without?: string[]; // who is there already
  most?: number;
  autoFocus?: boolean;
}

const shown = 8;

// able are people who can be invited: here, and no programs' leftovers.
const able = (p: Person) => personOf(p.id) === p && !p.off && p.role !== "placeholder";

export function PeoplePicker({ id, label, picked, onPick, without = [], most = 500, autoFocus }: Props): JSX.Element {
  const [query, setQuery] = useState("");
  const [at, setAt] = useState(0);
  const input = useRef<HTMLInputElement>(null);
  const all = state.people.value;
  const fit = useMemo(() => {
    const list = [...all.values()].filter((p) => able(p) && !picked.includes(p.id) && !without.includes(p.id));
    list.sort((a, b) => a.name.localeCompare(b.name, words.locale, { numeric: true }));
    return best(list, query, (p) => `${p.name} ${p.mention ?? ""}`, shown);
  }, [all, query, picked, without]);
  const list = picked.length >= most ? [] : fit;
  const chosen = Math.min(at, list.length - 1);
  const take = (p: Person | undefined) => {
    if (!p) return;
    onPick([...picked, p.id]);
    setQuery("");
    setAt(0);
    input.current?.focus();
  };
  const keys = (e: KeyboardEvent) => {
    if (e.key === "ArrowDown") setAt((chosen + 1) % Math.max(1, list.length));
    else if (e.key === "ArrowUp") setAt((chosen - 1 + list.length) % Math.max(1, list.length));
    else if (e.key === "Enter" && !e.isComposing && query.trim()) take(list[chosen]);
    else if (e.key === "Backspace" && !query) onPick(picked.slice(0, -1));
    else return;
    if (e.key !== "Backspace") e.preventDefault();
  };
  return (
    <div class="people-picker">
      <label for={id}>{label}</label>
      {picked.length > 0 && (
        <ul class="chips" aria-label={words.picked}>
          {picked.map((p) => (
            <li key={p}>
              <button type="button" class="chip" title={words.takeOff(nameOf(p))} onClick={() => onPick(picked.filter((x) => x !== p))}>
                <Avatar person={personOf(p)} name={nameOf(p)} size={20} /> <span class="side-name" dir="auto">{nameOf(p)}</span> <Icon name="close" size={14} /><span class="off-screen">{words.takeOff("")}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
      <input
        ref={input} id={id} type="text" value={query} placeholder={words.findPerson} autocomplete="off" autoFocus={autoFocus}
        role="combobox" aria-expanded={list.length > 0} aria-controls={id + "-list"} aria-activedescendant={query && list[chosen] ? `${id}-${chosen}` : undefined}
        onInput={(e) => {
          setQuery(e.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={keys}
      />
      {list.length > 0 ? (
        <ul class="choices" id={id + "-list"} role="listbox" aria-label={label}>
          {list.map((p, i) => (
            <li key={p.id} id={`${id}-${i}`} role="option" aria-selected={query !== "" && i === chosen} onClick={() => take(p)}>
              <Avatar person={p} name={p.name} size={24} /><span class="side-name" dir="auto">{p.name}</span>
              <span class="quiet choice-note" dir="auto">{p.role === "guest" ? words.roles.guest : p.mention ? "@" + p.mention : p.title}</span>
            </li>
          ))}
        </ul>
      ) : <p class="quiet choices-none" role="status" id={id + "-list"}>{picked.length >= most ? "" : words.noPeople}</p>}
    </div>
  );
}
