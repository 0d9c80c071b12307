// Filters of a search: what can be typed, for those who would rather click.
import type { JSX } from "preact";
import { toggled, valuesOf, withFilter } from "../query";
import { words } from "../words";
import { Icon, type IconName } from "./icons";

// Filters reads a query and changes it. Begin lets the box complete what
// follows a key.
export function Filters({ q, change, begin }: { q: string; change: (q: string) => void; begin: (q: string) => void }): JSX.Element {
  const start = (key: string) => begin(`${withFilter(q, key, "")} ${key}:`.trimStart());
  const day = (key: "after" | "before", label: string) => (
    <label class="filter-date">
      <span>{label}</span>
      <input type="date" value={valuesOf(q, key).find((v) => /^\d{4}-\d\d-\d\d$/.test(v)) ?? ""} onChange={(e) => change(withFilter(q, key, e.currentTarget.value))} />
    </label>
  );
  return (
    <div class="filters" role="group" aria-label={words.filters}>
      <Toggle icon="person" text={words.filterFrom} on={valuesOf(q, "from").length > 0} click={() => start("from")} />
      <Toggle icon="hash" text={words.filterIn} on={valuesOf(q, "in").length > 0} click={() => start("in")} />
      <Toggle icon="file" text={words.filterFile} on={has(q, "file")} click={() => change(toggled(q, "has", "file"))} />
      <Toggle icon="link" text={words.filterLink} on={has(q, "link")} click={() => change(toggled(q, "has", "link"))} />
      {day("after", words.filterAfter)}
      {day("before", words.filterBefore)}
    </div>
  );
}

const has = (q: string, what: string) => valuesOf(q, "has").some((v) => v.toLowerCase() === what);

function Toggle({ icon, text, on, click }: { icon: IconName; text: string; on: boolean; click: () => void }): JSX.Element {
  return <button type="button" class="filter" aria-pressed={on} onClick={click}><Icon name={icon} size={14} /> {text}</button>;
}
