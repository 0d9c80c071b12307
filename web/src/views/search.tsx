// Searching all messages.
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { api, faultOf, type Fault } from "../api";
import type { Found, Hit } from "../api.gen";
import { best } from "../find";
import { go, roomPath, searchPath } from "../route";
import { nameOf, personOf, roomName, state } from "../state";
import { dayAndClock, machineTime, shortDay } from "../time";
import { words } from "../words";
import { PageFrame } from "./directory";
import { Filters } from "./filters";
import { Icon } from "./icons";
import { Avatar, Empty, FaultBox, RoomIcon, Skeleton } from "./parts";
import { quoted } from "./room";
import { Terms, Tree } from "./tree";

export function SearchPage({ q }: { q: string }): JSX.Element {
  const [found, setFound] = useState<Found | null>(null);
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<Fault | null>(null);
  const asked = useRef("");
  const ask = async (older: string) => {
    setBusy(true);
    setFault(null);
    try {
      const more = await api.search(q, older);
      if (asked.current !== q) return;
      setFound((held) => (older && held ? { ...more, hits: [...held.hits, ...(more.hits ?? [])] } : { ...more, hits: more.hits ?? [] }));
    } catch (e) {
      if (asked.current === q) setFault(faultOf(e));
    } finally {
      if (asked.current === q) setBusy(false);
    }
  };
  useEffect(() => {
    asked.current = q;
    setFound(null);
    setFault(null);
    if (complete(q)) void ask("");
    else setBusy(false);
  }, [q]);
  return (
    <PageFrame title={words.search} lead={words.searchLead}>
      <SearchBox q={q} />
      {fault && <FaultBox fault={fault} />}
      {found?.notes?.map((n) => <p key={n} class="notice">{n}</p>)}
      {found?.unindexed ? <p class="notice" role="status">{words.unindexed(found.unindexed)}</p> : null}
      {busy && !found && <Skeleton />}
      {!complete(q) && <SearchHelp />}
      {found && found.hits.length === 0 && <Empty icon="search" title={words.searchNone}><p>{words.searchNoneHint}</p></Empty>}
      {found && found.hits.length > 0 && <Results hits={found.hits} terms={found.terms ?? []} />}
      {found?.older && <button type="button" class="button" disabled={busy} onClick={() => void ask(found.older ?? "")}>{words.searchOlder}</button>}
    </PageFrame>
  );
}

// complete says whether there is something to search: "from:" alone is not.
function complete(q: string): boolean {
  return q.split(/\s+/).some((w) => w !== "" && !/^(from|in|before|after|has):$/i.test(w));
}

interface Suggestion {
  insert: string;
  text: string;
  icon: JSX.Element;
}

// suggest completes the name that is being typed after from: or in:.
function suggest(text: string): { from: number; list: Suggestion[] } {
  const m = /(?:^|\s)(from|in):("?)([^"\s]*|[^"]*)$/i.exec(text);
  if (!m || (m[2] === "" && /\s/.test(m[3] ?? ""))) return { from: 0, list: [] };
  const part = m[3] ?? "";
  const from = text.length - part.length - (m[2] ?? "").length;
  if (m[1]?.toLowerCase() === "from") {
    const people = [...state.people.value.values()].filter((p) => p.mention && personOf(p.id) === p);
    return {
      from, list: best(people, part, (p) => `${p.name} ${p.mention}`, 8).map((p) => ({
        insert: p.mention + " ", text: `${p.name} @${p.mention}`, icon: <Avatar person={p} name={p.name} size={20} />,
      })),
    };
  }
  const rooms = [...state.rooms.value.values()].filter((r) => r.name);
  return {
    from, list: best(rooms, part, roomName, 8).map((r) => ({
      insert: quoted(r.name) + " ", text: r.name, icon: <RoomIcon room={r} />,
    })),
  };
}

function SearchBox({ q }: { q: string }): JSX.Element {
  const [text, setText] = useState(q);
  const [at, setAt] = useState(-1);
  const [shut, setShut] = useState(true);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => setText(q), [q]);
  useEffect(() => input.current?.focus(), []);
  const { from, list } = shut ? { from: 0, list: [] } : suggest(text);
  const take = (s: Suggestion | undefined) => {
    if (!s) return;
    setText(text.slice(0, from) + s.insert);
    setAt(-1);
    input.current?.focus();
  };
  const keys = (e: KeyboardEvent) => {
    if (!list.length || e.isComposing) return;
    if (e.key === "ArrowDown") setAt((at + 1) % list.length);
    else if (e.key === "ArrowUp") setAt((at - 1 + list.length) % list.length);
    else if (e.key === "Escape") setShut(true);
    else if ((e.key === "Enter" && at >= 0) || e.key === "Tab" && at >= 0) take(list[at]);
    else return;
    e.preventDefault();
  };
  return (
    <form
      class="search-box" role="search" onSubmit={(e) => {
        e.preventDefault();
        setShut(true);
        go(searchPath(text.trim()));
      }}
    >
      <div class="search-field">
        <Icon name="search" />
        <input
          ref={input} type="text" value={text} placeholder={words.searchFor} aria-label={words.searchFor} autocomplete="off" dir="auto"
          role="combobox" aria-expanded={list.length > 0} aria-controls="search-list" aria-activedescendant={at >= 0 ? "suggestion-" + at : undefined}
          onInput={(e) => {
            setText(e.currentTarget.value);
            setShut(false);
            setAt(-1);
          }}
          onKeyDown={keys} onBlur={() => setTimeout(() => setShut(true), 150)}
        />
        <button type="submit" class="button primary">{words.search}</button>
      </div>
      {list.length > 0 && (
        <ul class="choices floating" id="search-list" role="listbox" aria-label={words.suggestions}>
          {list.map((s, i) => (
            <li key={s.insert} id={"suggestion-" + i} role="option" aria-selected={i === at} onPointerDown={(e) => { e.preventDefault(); take(s); }}>
              {s.icon}<span class="side-name" dir="auto">{s.text}</span>
            </li>
          ))}
        </ul>
      )}
      <Filters
        q={text} change={(next) => go(searchPath(next))} begin={(next) => {
          setText(next);
          setShut(false);
          setAt(-1);
          input.current?.focus();
        }}
      />
    </form>
  );
}

function SearchHelp(): JSX.Element {
  return (
    <table class="keys search-help"><tbody>
      {words.searchHelp.map(([word, what, example]) => (
        <tr key={word}><th scope="row"><code>{word}</code></th><td>{what}</td><td class="quiet"><code>{example}</code></td></tr>
      ))}
    </tbody></table>
  );
}

function Results({ hits, terms }: { hits: Hit[]; terms: string[] }): JSX.Element {
  const groups: { key: string; hits: Hit[] }[] = [];
  for (const h of hits) {
    const key = h.room.id + " " + shortDay(h.message.sent);
    const last = groups.at(-1);
    if (last?.key === key) last.hits.push(h);
    else groups.push({ key, hits: [h] });
  }
  return (
    <div class="results">
      {groups.map((g) => {
        const { room, message } = g.hits[0]!;
        return (
          <section key={message.id} class="result-group">
            <h2><RoomIcon room={room} size={16} /> <span class="side-name" dir="auto">{roomName(room)}</span> <span class="quiet">{shortDay(message.sent)}</span></h2>
            {g.hits.map((h) => <Result key={h.message.id} hit={h} terms={terms} />)}
          </section>
        );
      })}
    </div>
  );
}

function Result({ hit: { message: m, room }, terms }: { hit: Hit; terms: string[] }): JSX.Element {
  const name = nameOf(m.author, m.label);
  return (
    <article class="result">
      <Avatar person={personOf(m.author)} name={name} size={28} bot={m.type === "notification"} />
      <div class="line-text">
        <header class="head">
          <span class="name" dir="auto">{name}</span>
          <time class="stamp" dateTime={machineTime(m.sent)}>{dayAndClock(m.sent)}</time>
        </header>
        <div class="body result-body" dir="auto">
          <Terms.Provider value={terms}><Tree nodes={m.tree ?? []} /></Terms.Provider>
          {m.files?.map((f) => <span key={f.id} class="result-file"><Icon name="file" size={14} /> {f.name}</span>)}
        </div>
        <a class="result-link" href={roomPath(room.id, m.id)}>{words.inContext}</a>
      </div>
    </article>
  );
}
