// The place's own emoticons: all of them, adding one, and who may.
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { faultOf, type Fault } from "../api";
import type { Emoticons } from "../api.gen";
import { fold } from "../find";
import { nameOf, state } from "../state";
import { talk } from "../talk";
import { say, sayFault } from "../ui";
import { words } from "../words";
import { PageFrame } from "./directory";
import { Empty, FaultBox, IconButton, Skeleton } from "./parts";

export function EmoticonsPage(): JSX.Element {
  const [known, setKnown] = useState<Emoticons | null>(null);
  const [fault, setFault] = useState<Fault | null>(null);
  const [query, setQuery] = useState("");
  const load = () => talk.emoticons().then(setKnown, (e: unknown) => setFault(faultOf(e)));
  useEffect(() => {
    void load();
  }, []);
  const me = state.start.value?.me;
  const list = (known?.emoticons ?? []).filter((e) => fold(e.shortcut).includes(fold(query.trim())));
  const act = async (what: Promise<unknown>, said: string) => {
    try {
      await what;
      await load();
      say(said);
    } catch (e) {
      sayFault(faultOf(e));
    }
  };
  return (
    <PageFrame title={words.emoticons} lead={words.emoticonsLead}>
      {fault && <FaultBox fault={fault} />}
      {!known && !fault && <Skeleton rows={3} />}
      {known?.may_add && <Add done={load} />}
      {me?.admin && known && (
        <p class="page-tools"><label class="check"><input type="checkbox" checked={known.admins} onChange={(e) => {
          setKnown({ ...known, admins: e.currentTarget.checked });
          void act(talk.emoticonRule(e.currentTarget.checked), words.saved);
        }} /> {words.onlyAdminsAdd}</label></p>
      )}
      {known && !known.may_add && <p class="quiet">{words.mayNotAdd}</p>}
      {known && known.emoticons.length > 0 && <input type="search" class="emoticon-find" placeholder={words.findEmoticon} aria-label={words.findEmoticon} value={query} onInput={(e) => setQuery(e.currentTarget.value)} />}
      {known && !known.emoticons.length && <Empty icon="react" title={words.noEmoticons} />}
      <ul class="emoticon-list">
        {list.map((e) => (
          <li key={e.id}>
            <img src={e.url} alt="" loading="lazy" />
            <span class="emoticon-name" dir="auto">({e.shortcut})<span class="quiet">{e.by ? words.addedBy(nameOf(e.by)) : ""}</span></span>
            {e.mine && <IconButton icon="trash" label={words.deleteEmoticon(e.shortcut)} onClick={() => void act(talk.removeEmoticon(e.id), words.emoticonGone)} />}
          </li>
        ))}
      </ul>
    </PageFrame>
  );
}

function Add({ done }: { done: () => Promise<unknown> }): JSX.Element {
  const [shortcut, setShortcut] = useState("");
  const [picture, setPicture] = useState<File | null>(null);
  const [shown, setShown] = useState("");
  const [fault, setFault] = useState<Fault | null>(null);
  const [busy, setBusy] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (!picture) return setShown("");
    const url = URL.createObjectURL(picture);
    setShown(url);
    return () => URL.revokeObjectURL(url);
  }, [picture]);
  const add = async () => {
    if (!picture) return;
    setBusy(true);
    setFault(null);
    try {
      const e = await talk.addEmoticon(shortcut, picture);
      await done();
      say(words.emoticonAdded(e.shortcut));
      setShortcut("");
      setPicture(null);
      if (input.current) input.current.value = "";
    } catch (e) {
      setFault(faultOf(e));
    }
    setBusy(false);
  };
  return (
    <form
      class="panel add-emoticon" onSubmit={(e) => {
        e.preventDefault();
        void add();
      }}
    >
      <h2>{words.addEmoticon}</h2>
      <p class="quiet">{words.addEmoticonLead}</p>
      <div class="add-line">
        <label>{words.picture}
          <input
            ref={input} type="file" accept="image/png,image/gif,image/jpeg,image/webp" required onChange={(e) => {
              const file = e.currentTarget.files?.[0] ?? null;
              setPicture(file);
              if (file && !shortcut) setShortcut(file.name.replace(/\.[^.]*$/, "").replace(/[^\p{L}\p{N}_+-]+/gu, "_").slice(0, 50).toLowerCase());
            }}
          />
        </label>
        <label>{words.shortcut}<input type="text" required maxLength={50} autocomplete="off" value={shortcut} onInput={(e) => setShortcut(e.currentTarget.value)} /></label>
        <span class="add-shown">{shown && <img src={shown} alt={words.preview} />}</span>
        <button type="submit" class="button primary" disabled={busy || !picture || !shortcut.trim()}>{words.add}</button>
      </div>
      {fault && <FaultBox fault={fault} />}
    </form>
  );
}
