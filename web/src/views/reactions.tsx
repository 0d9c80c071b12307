// The emoji that people put on a message.
import type { JSX } from "preact";
import type { Message, Reaction } from "../api.gen";
import { nameOf, personOf, state } from "../state";
import { mayWrite, toggle } from "../talk";
import { words } from "../words";
import { Icon } from "./icons";
import { pickFor } from "./pickerhost";
import type { Place } from "./toolbar";

const named = 20; // people that are named of those who reacted

function whoOf(r: Reaction): string {
  const me = state.start.value?.me.id;
  const names = r.people.map((id) => (personOf(id)?.id === me ? words.you : nameOf(id)));
  const list = names.slice(0, named);
  return new Intl.ListFormat(words.locale).format(names.length > named ? [...list, words.others(names.length - named)] : list);
}

export function Glyph({ emoji, url }: { emoji: string; url?: string | undefined }): JSX.Element {
  return url ? <img class="emoticon" src={url} alt={emoji} loading="lazy" /> : <span class="glyph">{emoji}</span>;
}

export function Reactions({ message: m, place }: { message: Message; place: Place }): JSX.Element | null {
  if (!m.reactions?.length || m.gone) return null;
  const me = state.start.value?.me.id;
  const write = mayWrite(m);
  return (
    <div class="reactions" role="group" aria-label={words.reactions}>
      {m.reactions.map((r) => {
        const own = r.people.some((id) => personOf(id)?.id === me);
        const who = whoOf(r);
        return (
          <button
            key={r.emoji} type="button" class={"reaction" + (own ? " own" : "")} aria-pressed={own} data-who={who}
            disabled={!write} onClick={() => void toggle(m, r.emoji)}
          >
            <Glyph emoji={r.emoji} url={r.url} /> <span class="number">{r.people.length}</span><span class="off-screen">{who}</span>
          </button>
        );
      })}
      {write && place !== "list" && (
        <button type="button" class="reaction add" aria-label={words.react} title={words.react} onClick={() => pickFor(m)}><Icon name="react" size={16} /></button>
      )}
    </div>
  );
}
