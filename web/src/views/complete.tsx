// The list of what may be meant, above a box in which one writes.
import type { JSX, RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";
import { chosen, noOffers, offersAt, type Offer } from "../complete";
import { standard } from "../emoji";
import { words } from "../words";
import { Avatar, RoomIcon } from "./parts";
import { Glyph } from "./reactions";

export interface Completion {
  list: Offer[];
  at: number;
  id: string;
  attributes: { autocomplete: string; "aria-autocomplete": "list"; "aria-controls": string | undefined; "aria-activedescendant": string | undefined };
  pick: (o: Offer | undefined) => void;
  look: () => void; // the text or the cursor changed
  close: () => void;
  key: (e: KeyboardEvent) => boolean; // whether the key was meant for the list
}

// useCompletion offers what fits what is written in a box.
export function useCompletion(area: RefObject<HTMLTextAreaElement | null>, write: (text: string) => void, id: string, withCommands = true): Completion {
  const [offers, setOffers] = useState(noOffers);
  const [at, setAt] = useState(0);
  const n = offers.list.length;
  const list = `${id}-list`;
  const close = () => setOffers(noOffers);
  const pick = (o: Offer | undefined) => {
    const a = area.current;
    if (!a || !o) return;
    chosen(o);
    const rest = a.value.slice(a.selectionStart);
    const begin = a.value.slice(0, offers.from) + (rest.startsWith(" ") ? o.text.trimEnd() : o.text);
    write(begin + rest);
    close();
    requestAnimationFrame(() => a.setSelectionRange(begin.length, begin.length));
  };
  const look = () => {
    const a = area.current;
    setOffers(a && a.selectionStart === a.selectionEnd ? offersAt(a.value, a.selectionStart, withCommands) : noOffers);
    setAt(0);
  };
  const loaded = standard.value.length > 0;
  useEffect(() => {
    if (loaded && document.activeElement === area.current) look(); // emoji that were asked for have come
  }, [loaded]);
  const key = (e: KeyboardEvent) => {
    if (!n || e.isComposing) return false;
    const o = offers.list[at];
    if (e.key === "ArrowDown") setAt((at + 1) % n);
    else if (e.key === "ArrowUp") setAt((at - 1 + n) % n);
    else if (e.key === "Tab" || (e.key === "Enter" && !e.shiftKey)) {
      // A command that is whole is sent by Enter, as anything else is.
      if (e.key === "Enter" && o?.kind === "command" && area.current?.value.trim() === o.text.trim() && !o.command.takes()) {
        close();
        return false;
      }
      pick(o);
    } else if (e.key === "Escape") close();
    else return false;
    e.stopPropagation();
    return true;
  };
  return {
    list: offers.list, at, id: list, pick, look, close, key,
    attributes: {
      autocomplete: "off", "aria-autocomplete": "list", "aria-controls": n ? list : undefined, "aria-activedescendant": n ? `${list}-${at}` : undefined,
    },
  };
}

export function Completions({ offers }: { offers: Completion }): JSX.Element {
  const { list, at, id, pick } = offers;
  return (
    <>
      <span class="off-screen" role="status">{list.length ? words.suggested(list.length) : ""}</span>
      {list.length > 0 && (
        <ul class="choices floating above" id={id} role="listbox" aria-label={words.suggestions}>
          {list.map((o, i) => (
            <li
              key={o.kind + o.key} id={`${id}-${i}`} role="option" aria-selected={i === at}
              onPointerDown={(e) => {
                e.preventDefault();
                pick(o);
              }}
            >
              <One offer={o} />
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

function One({ offer: o }: { offer: Offer }): JSX.Element {
  switch (o.kind) {
    case "person": return <><Avatar person={o.person} name={o.person.name} size={22} /><span class="side-name" dir="auto">{o.person.name}</span><span class="quiet choice-note">@{o.person.mention}</span></>;
    case "everyone": return <><span class="glyph">@</span><span class="side-name">{o.name}</span><span class="quiet choice-note">{o.note}</span></>;
    case "room": return <><RoomIcon room={o.room} /><span class="side-name" dir="auto">{o.name}</span></>;
    case "emoji": return <><Glyph emoji={o.emoji.emoji} url={o.emoji.url} /><span class="side-name">{o.text.startsWith("(") ? o.text.trim() : `:${o.emoji.codes[0]}:`}</span></>;
    case "command": return <><span class="side-name command-name">/{o.command.names[0]} <span class="quiet">{o.command.takes()}</span></span><span class="quiet choice-note">{o.command.help()}</span></>;
  }
}
