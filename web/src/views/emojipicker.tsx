// The emoji picker: what was used lately, the place's own, and all others, by
// kind or by a word.
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { custom, needEmoji, recent, search, setTone, standard, tone, used, withTone, type Emoji } from "../emoji";
import { words } from "../words";
import { IconButton } from "./parts";
import { picking, type Picking } from "./pickerhost";
import { Glyph } from "./reactions";

const columns = 8;
const mostFound = 120;
const kinds = [-1, 0, 1, 3, 4, 5, 6, 7, 8, 9];
const faces: Record<string, string> = { "-1": "🐦", 0: "😀", 1: "👋", 3: "🐢", 4: "🍎", 5: "🚲", 6: "⚽", 7: "💡", 8: "💜", 9: "🏁" };

interface Section {
  key: string;
  title: string;
  list: Emoji[];
}

function sectionsOf(query: string): Section[] {
  if (query.trim()) return [{ key: "found", title: words.found8, list: search(query, mostFound) }];
  const own = custom();
  const all = standard.value;
  const known = new Map([...own, ...all].map((e) => [e.emoji, e]));
  const lately = recent.value.map((e) => known.get(e)).filter((e): e is Emoji => e !== undefined);
  const list: Section[] = [{ key: "recent", title: words.recentEmoji, list: lately }];
  for (const kind of kinds) {
    const some = kind < 0 ? own : all.filter((e) => e.group === kind);
    list.push({ key: String(kind), title: words.emojiKinds[kind] ?? "", list: some });
  }
  return list.filter((s) => s.list.length);
}

export function Picker({ picking: p }: { picking: Picking }): JSX.Element {
  const [query, setQuery] = useState("");
  const [pointed, setPointed] = useState<Emoji | null>(null);
  const box = useRef<HTMLDivElement>(null);
  const grid = useRef<HTMLDivElement>(null);
  const before = useRef(document.activeElement);
  const loaded = standard.value.length > 0;
  const sections = useMemo(() => sectionsOf(query), [query, loaded]);
  useEffect(() => void needEmoji(), []);
  const close = (back = true) => {
    picking.value = null;
    if (back && before.current instanceof HTMLElement) before.current.focus({ preventScroll: true });
  };
  useLayoutEffect(() => {
    // On a phone the keyboard would cover what there is to choose from.
    const first = matchMedia("(hover: hover)").matches ? box.current?.querySelector("input") : box.current;
    first?.focus({ preventScroll: true });
    const e = box.current;
    if (!e || matchMedia("(max-width: 720px)").matches) return;
    const size = e.getBoundingClientRect();
    e.style.left = Math.max(8, Math.min(p.x - size.width, innerWidth - size.width - 8)) + "px";
    e.style.top = Math.max(8, Math.min(p.y - size.height - 6 < 8 ? p.y + 34 : p.y - size.height - 6, innerHeight - size.height - 8)) + "px";
  }, []);
  useEffect(() => {
    const outside = (e: PointerEvent) => {
      if (e.target instanceof globalThis.Node && !box.current?.contains(e.target)) close(false);
    };
    addEventListener("pointerdown", outside);
    return () => removeEventListener("pointerdown", outside);
  }, []);
  const choose = (e: Emoji) => {
    used(e.emoji);
    close();
    p.choose(e.url ? e.emoji : withTone(e));
  };
  const keys = (e: KeyboardEvent) => {
    if (e.key === "Escape") {
      close();
      e.preventDefault();
      e.stopPropagation();
      return;
    }
    const all = [...(grid.current?.querySelectorAll<HTMLButtonElement>("button.emoji") ?? [])];
    const at = all.findIndex((b) => b === document.activeElement);
    const inText = e.target instanceof HTMLInputElement;
    let to = -1;
    if (inText && e.key === "ArrowDown") to = 0;
    else if (inText && e.key === "Enter") {
      const first = sections[0]?.list[0];
      e.preventDefault();
      if (query.trim() && first) choose(first);
      return;
    } else if (at < 0) return;
    else if (e.key === "ArrowRight") to = at + 1;
    else if (e.key === "ArrowLeft") to = at - 1;
    else if (e.key === "ArrowDown") to = below(all, at, 1);
    else if (e.key === "ArrowUp") to = below(all, at, -1);
    else return;
    e.preventDefault();
    if (to < 0) box.current?.querySelector("input")?.focus();
    else all[Math.min(to, all.length - 1)]?.focus();
  };
  return (
    <div ref={box} class="picker" role="dialog" tabIndex={-1} aria-label={words.pickEmoji} onKeyDown={keys}>
      <div class="picker-head">
        <input
          type="search" autocomplete="off" placeholder={words.findEmoji} aria-label={words.findEmoji} value={query}
          onInput={(e) => {
            setQuery(e.currentTarget.value);
            grid.current?.scrollTo(0, 0);
          }}
        />
        <IconButton icon="close" label={words.close} onClick={() => close()} />
      </div>
      {!query && (
        <div class="picker-kinds" role="group" aria-label={words.emojiGroups}>
          {sections.filter((s) => s.key !== "recent").map((s) => (
            <button key={s.key} type="button" class="plain" aria-label={s.title} title={s.title} onClick={() => document.getElementById("emoji-" + s.key)?.scrollIntoView({ block: "start" })}>{faces[s.key]}</button>
          ))}
        </div>
      )}
      <div ref={grid} class="picker-grid" tabIndex={-1} style={{ "--columns": columns }}>
        {!loaded && <p class="quiet" role="status">{words.loading}</p>}
        {loaded && !sections.some((s) => s.list.length) && <p class="quiet choices-none" role="status">{words.nothingFits}</p>}
        {sections.map((s) => (
          <section key={s.key} id={"emoji-" + s.key} aria-label={s.title}>
            <h2>{s.title}</h2>
            <div class="emoji-list">
              {s.list.map((e, i) => (
                <button
                  key={e.emoji} type="button" class="emoji" tabIndex={i ? -1 : 0} aria-label={nameOf(e)}
                  onFocus={() => setPointed(e)} onPointerEnter={() => setPointed(e)} onClick={() => choose(e)}
                >
                  <Glyph emoji={e.url ? e.emoji : withTone(e)} url={e.url} />
                </button>
              ))}
            </div>
          </section>
        ))}
      </div>
      <div class="picker-foot">
        <span class="picker-name">{pointed ? <><Glyph emoji={pointed.url ? pointed.emoji : withTone(pointed)} url={pointed.url} /> {nameOf(pointed)}</> : ""}</span>
        <a href="/emoticons" onClick={() => close(false)}>{words.emoticons}</a>
        <span class="tones" role="group" aria-label={words.skinTone}>
          {[0, 1, 2, 3, 4, 5].map((n) => (
            <button key={n} type="button" class="plain" aria-pressed={tone.value === n} aria-label={words.skinTones[n]} title={words.skinTones[n]} onClick={() => setTone(n)}>
              {withTone({ emoji: "✋", toned: true }, n)}
            </button>
          ))}
        </span>
      </div>
    </div>
  );
}

const nameOf = (e: Emoji) => `:${e.codes[0]}:`;

// below finds the button in the next row that is nearest.
function below(all: HTMLElement[], at: number, way: 1 | -1): number {
  const from = all[at]!.getBoundingClientRect();
  let row: number | null = null;
  let best = -1;
  for (let i = at + way; i >= 0 && i < all.length; i += way) {
    const to = all[i]!.getBoundingClientRect();
    if (Math.abs(to.top - from.top) < 4) continue;
    row ??= to.top;
    if (Math.abs(to.top - row) > 4) break;
    if (best < 0 || Math.abs(to.left - from.left) < Math.abs(all[best]!.getBoundingClientRect().left - from.left)) best = i;
  }
  return best < 0 ? (way > 0 ? at : -1) : best;
}
