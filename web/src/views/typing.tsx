// Who writes in a room just now: one line above the composer, whose place is
// always there, so that nothing moves.
import type { JSX } from "preact";
import { nameOf, state } from "../state";
import { words } from "../words";

const mostNames = 3;

export function Typing({ room }: { room: string }): JSX.Element {
  const people = [...(state.typing.value.get(room)?.keys() ?? [])];
  const names = people.slice(0, mostNames).map((id) => nameOf(id));
  return (
    <p class="typing" aria-live="off">
      {names.length > 0 && <><span class="typing-dots" aria-hidden="true"><i /><i /><i /></span> <span dir="auto">{people.length > mostNames ? words.manyWrite : words.writes(names)}</span></>}
    </p>
  );
}
