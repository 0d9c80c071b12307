// What pages that a message links to say of themselves.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { call, faultOf } from "../api";
import type { Card, Message } from "../api.gen";
import { apply } from "../apply";
import { personOf, state } from "../state";
import { say } from "../ui";
import { words } from "../words";
import { IconButton } from "./parts";

export function Cards({ message: m }: { message: Message }): JSX.Element | null {
  if (!m.cards?.length) return null;
  const me = state.start.value?.me;
  const mine = me !== undefined && (me.admin || personOf(m.author)?.id === me.id);
  return <div class="cards">{m.cards.map((c) => <One key={c.id} card={c} message={m} mine={mine} />)}</div>;
}

function One({ card, message, mine }: { card: Card; message: Message; mine: boolean }): JSX.Element {
  const [broken, setBroken] = useState(false);
  const remove = async () => {
    try {
      apply({ type: "message", message: await call<Message>("DELETE", `/messages/${message.id}/cards/${card.id}`) });
      say(words.cardRemoved);
    } catch (e) {
      say(faultOf(e).message);
    }
  };
  return (
    <section class="link-card" aria-label={words.cardOf(card.title || card.site || card.url)}>
      <div class="link-card-text">
        {card.site && <span class="quiet" dir="auto">{card.site}</span>}
        {card.title && <a class="link-card-title" dir="auto" href={card.url} target="_blank" rel="noopener noreferrer nofollow">{card.title}</a>}
        {card.text && <p dir="auto">{card.text}</p>}
      </div>
      {card.picture && !broken && (
        <a class="link-card-picture" href={card.url} target="_blank" rel="noopener noreferrer nofollow" tabIndex={-1} aria-hidden="true">
          <img src={card.picture} alt="" loading="lazy" onError={() => setBroken(true)} />
        </a>
      )}
      {mine && <IconButton icon="close" class="link-card-close" label={words.removeCard} onClick={() => void remove()} />}
    </section>
  );
}
