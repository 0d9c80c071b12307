// What is known of a person, beside their name.
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { go, roomPath, searchPath } from "../route";
import { faultOf } from "../api";
import { converse } from "../rooms";
import { personOf, state } from "../state";
import { say, show } from "../ui";
import { words } from "../words";
import { Avatar } from "./parts";

// directWith returns the 1-1 with a person, if there is one.
export function directWith(person: string): string {
  for (const r of state.rooms.value.values()) {
    if (r.type === "direct" && personOf(r.with?.[0])?.id === person) return r.id;
  }
  return "";
}

// writeTo opens the 1-1 with a person, and begins it if there is none.
export async function writeTo(person: string): Promise<void> {
  try {
    const room = await converse([person]);
    state.card.value = null;
    show(null);
    go(roomPath(room.id));
  } catch (e) {
    say(faultOf(e).message);
  }
}

// canWrite says whether one can begin a 1-1 with somebody.
export function canWrite(person: { id: string; off?: boolean; role: string }): boolean {
  return state.start.value?.me.role !== "guest" && !person.off && person.role !== "placeholder" && person.role !== "guest";
}

export function PersonCard(): JSX.Element | null {
  const card = state.card.value;
  const person = card && personOf(card.person);
  return card && person ? <Shown key={person.id} id={person.id} x={card.x} y={card.y} /> : null;
}

function Shown({ id, x, y }: { id: string; x: number; y: number }): JSX.Element | null {
  const ref = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const e = ref.current;
    if (!e) return;
    const box = e.getBoundingClientRect();
    e.style.left = Math.max(8, Math.min(x, innerWidth - box.width - 8)) + "px";
    const above = y - box.height - 34;
    const fits = y + 6 + box.height <= innerHeight - 8;
    e.style.top = Math.max(8, fits || above < 8 ? Math.min(y + 6, innerHeight - box.height - 8) : above) + "px";
  }, [x, y]);
  useEffect(() => {
    const before = document.activeElement;
    ref.current?.focus();
    const outside = (e: PointerEvent) => {
      if (e.target instanceof globalThis.Node && !ref.current?.contains(e.target)) state.card.value = null;
    };
    addEventListener("pointerdown", outside);
    return () => {
      removeEventListener("pointerdown", outside);
      if (before instanceof HTMLElement && before.isConnected && document.activeElement === document.body) before.focus();
    };
  }, []);
  const person = personOf(id);
  if (!person) return null;
  const direct = directWith(person.id);
  const leave = (to: string) => {
    state.card.value = null;
    go(to);
  };
  return (
    <div
      ref={ref} class="card" role="dialog" aria-label={person.name} tabIndex={-1}
      onKeyDown={(e) => {
        if (e.key !== "Escape") return;
        e.stopPropagation();
        state.card.value = null;
      }}
    >
      <div class="card-head">
        <Avatar person={person} name={person.name} size={56} />
        <div class="card-names">
          <strong dir="auto">{person.name}</strong>
          {person.mention && <span class="quiet">@{person.mention}</span>}
          {person.title && <span dir="auto">{person.title}</span>}
        </div>
      </div>
      <p class="card-tags">
        {person.role !== "member" && <span class="tag">{words.roles[person.role] ?? person.role}</span>}
        {state.presence.value.has(person.id) && <span class="tag">{words.presence[state.presence.value.get(person.id)!]}</span>}
        {person.off && <span class="tag">{words.leftLong}</span>}
      </p>
      <div class="card-foot">
        {direct ? <button type="button" class="button primary" onClick={() => leave(roomPath(direct))}>{words.openDirect}</button>
          : canWrite(person) && <button type="button" class="button primary" onClick={() => void writeTo(person.id)}>{words.message}</button>}
        {person.mention && (
          <button type="button" class="button" onClick={() => leave(searchPath(`from:${person.mention} `))}>{words.messagesFrom}</button>
        )}
      </div>
    </div>
  );
}
