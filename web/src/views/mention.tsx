// Completing the name after an @ while a message is written.
import type { JSX, RefObject } from "preact";
import { useState } from "preact/hooks";
import type { Person, Room } from "../api.gen";
import { best } from "../find";
import { personOf, state } from "../state";
import { words } from "../words";
import { Avatar } from "./parts";

interface Completion {
  from: number; // where the @ stands
  people: Person[];
}

const none: Completion = { from: 0, people: [] };

// completionAt returns who may be meant by the word that ends at the cursor,
// members of the room first.
function completionAt(text: string, cursor: number, room: Room): Completion {
  const m = /(?:^|[\s(])@([\p{L}\p{N}._-]*)$/u.exec(text.slice(0, cursor));
  if (!m) return none;
  const word = m[1] ?? "";
  const inside = new Set((state.opened.value?.details?.people ?? room.people ?? []).map((id) => personOf(id)?.id));
  const all = [...state.people.value.values()].filter((p) => p.mention && !p.off && personOf(p.id) === p);
  const textOf = (p: Person) => `${p.mention} ${p.name}`;
  const near = best(all.filter((p) => inside.has(p.id)), word, textOf, 6);
  const far = word ? best(all.filter((p) => !inside.has(p.id)), word, textOf, 6 - near.length) : [];
  return { from: cursor - word.length - 1, people: [...near, ...far] };
}

interface Names {
  people: Person[];
  at: number;
  pick: (person: Person | undefined) => void;
  look: () => void; // the text or the cursor changed
  close: () => void;
  key: (e: KeyboardEvent) => boolean; // whether the key was meant for the list
}

// useNames offers names for what is written in a box.
export function useNames(area: RefObject<HTMLTextAreaElement | null>, room: Room, write: (text: string) => void): Names {
  const [offer, setOffer] = useState(none);
  const [at, setAt] = useState(0);
  const n = offer.people.length;
  const close = () => setOffer(none);
  const pick = (p: Person | undefined) => {
    const a = area.current;
    if (!a || !p) return;
    const begin = `${a.value.slice(0, offer.from)}@${p.mention} `;
    write(begin + a.value.slice(a.selectionStart));
    close();
    requestAnimationFrame(() => a.setSelectionRange(begin.length, begin.length));
  };
  const look = () => {
    const a = area.current;
    setOffer(a ? completionAt(a.value, a.selectionStart, room) : none);
    setAt(0);
  };
  const key = (e: KeyboardEvent) => {
    if (!n || e.isComposing) return false;
    if (e.key === "ArrowDown") setAt((at + 1) % n);
    else if (e.key === "ArrowUp") setAt((at - 1 + n) % n);
    else if ((e.key === "Enter" && !e.shiftKey) || e.key === "Tab") pick(offer.people[at]);
    else if (e.key === "Escape") close();
    else return false;
    return true;
  };
  return { people: offer.people, at, pick, look, close, key };
}

interface Props {
  people: Person[];
  at: number;
  onPick: (person: Person) => void;
}

export function Completions({ people, at, onPick }: Props): JSX.Element | null {
  if (!people.length) return null;
  return (
    <ul class="choices floating above" id="mention-list" role="listbox" aria-label={words.mentionWho}>
      {people.map((p, i) => (
        <li
          key={p.id} id={"mention-" + i} role="option" aria-selected={i === at}
          onPointerDown={(e) => {
            e.preventDefault();
            onPick(p);
          }}
        >
          <Avatar person={p} name={p.name} size={22} /><span class="side-name" dir="auto">{p.name}</span><span class="quiet choice-note">@{p.mention}</span>
        </li>
      ))}
    </ul>
  );
}
