// A message of one's own, while its text is being changed in its place.
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Message } from "../api.gen";
import { maxText } from "../outbox";
import { attempt, editing, talk } from "../talk";
import { show } from "../ui";
import { words } from "../words";
import { Completions, useCompletion } from "./complete";
import type { Place } from "./toolbar";

export function Editor({ message: m, place }: { message: Message; place: Place }): JSX.Element {
  const [text, setText] = useState(editing.value?.text ?? "");
  const [busy, setBusy] = useState(false);
  const area = useRef<HTMLTextAreaElement>(null);
  const box = useRef<HTMLFormElement>(null);
  const id = `edit-${place}-${m.id}`;
  const offers = useCompletion(area, setText, id, false);
  const over = [...text].length - maxText;
  useEffect(() => {
    const a = area.current;
    a?.focus();
    a?.setSelectionRange(a.value.length, a.value.length);
    box.current?.scrollIntoView({ block: "nearest" });
  }, []);
  useLayoutEffect(() => {
    const a = area.current;
    if (!a || CSS.supports("field-sizing", "content")) return;
    a.style.height = "auto";
    a.style.height = a.scrollHeight + 2 + "px";
  }, [text]);
  const done = () => {
    const row = box.current?.closest("article");
    editing.value = null;
    const back = place === "room" ? document.getElementById("composer") : document.getElementById("composer-thread");
    (back ?? row)?.focus();
  };
  const save = async () => {
    const said = text.replace(/\s+$/u, "");
    if (over > 0 || busy) return;
    if (!said && !m.files?.length) {
      editing.value = null;
      show({ kind: "delete", message: m });
      return;
    }
    if (said === editing.value?.text) return done();
    setBusy(true);
    const ok = await attempt(talk.edit(m.id, said));
    setBusy(false);
    if (ok) done();
  };
  return (
    <form
      ref={box} class="editor" onSubmit={(e) => {
        e.preventDefault();
        void save();
      }}
    >
      <textarea
        ref={area} rows={1} dir="auto" value={text} aria-label={words.editText} {...offers.attributes} onBlur={offers.close}
        onInput={(e) => {
          setText(e.currentTarget.value);
          offers.look();
        }}
        onKeyDown={(e) => {
          e.stopPropagation();
          if (offers.key(e)) return e.preventDefault();
          if (e.key === "Escape") {
            e.preventDefault();
            done();
          } else if (e.key === "Enter" && !e.shiftKey && !e.isComposing) {
            e.preventDefault();
            void save();
          }
        }}
      />
      <Completions offers={offers} />
      <p class="editor-foot">
        <button type="submit" class="small-button primary" disabled={busy || over > 0}>{words.saveEdit}</button>
        <button type="button" class="small-button" onClick={done}>{words.cancel}</button>
        <span class="quiet" role={over > 0 ? "alert" : undefined}>{over > 0 ? words.tooLong(over) : words.editHint}</span>
      </p>
    </form>
  );
}
