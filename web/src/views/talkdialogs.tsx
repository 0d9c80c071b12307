// Dialogs about messages: what a room has pinned, what a message said before,
// whether to delete one, the slash commands.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { faultOf, type Fault } from "../api";
import type { Message, Pin } from "../api.gen";
import { commands } from "../commands";
import { go, roomPath } from "../route";
import { nameOf, state } from "../state";
import { attempt, find, learnSaved, setPinned, talk } from "../talk";
import { dayAndClock } from "../time";
import { show } from "../ui";
import { words } from "../words";
import { GroupView } from "./message";
import { Empty, FaultBox, Later, Modal } from "./parts";
import { Tree } from "./tree";

const close = () => show(null);

function useAnswer<T>(ask: () => Promise<T>): { answer: T | null; fault: Fault | null } {
  const [answer, setAnswer] = useState<T | null>(null);
  const [fault, setFault] = useState<Fault | null>(null);
  useEffect(() => {
    ask().then(setAnswer, (e: unknown) => setFault(faultOf(e)));
  }, []);
  return { answer, fault };
}

function Wait({ fault, answer, children }: { fault: Fault | null; answer: unknown; children: ComponentChildren }): JSX.Element {
  if (fault) return <FaultBox fault={fault} />;
  return answer ? <>{children}</> : <Later><p class="quiet" role="status">{words.loading}</p></Later>;
}

export function PinsDialog({ room }: { room: string }): JSX.Element {
  const { answer, fault } = useAnswer(() => talk.pins(room));
  const [gone, setGone] = useState<string[]>([]);
  useEffect(() => {
    if (answer) learnSaved(answer.pins.map((p) => p.message), answer.saved);
  }, [answer]);
  const list = (answer?.pins ?? []).filter((p) => !gone.includes(p.message.id));
  const write = state.opened.value?.details?.may_post === true;
  const unpin = async (m: Message) => {
    await setPinned(m, false);
    setGone([...gone, m.id]);
  };
  return (
    <Modal title={words.pins} class="wide" onClose={close}>
      <Wait fault={fault} answer={answer}>
        {list.length === 0 ? <Empty icon="pin" title={words.noPins}><p>{words.noPinsHint}</p></Empty> : list.map((p) => (
          <Pinned key={p.message.id} pin={p} onUnpin={write ? () => void unpin(p.message) : undefined} />
        ))}
      </Wait>
    </Modal>
  );
}

function Pinned({ pin, onUnpin }: { pin: Pin; onUnpin: (() => void) | undefined }): JSX.Element {
  const m = find(pin.message.id) ?? pin.message;
  return (
    <div role="group" class="listed" aria-label={words.pinned}>
      <GroupView group={{ key: m.id, messages: [m], fresh: false }} marked="" place="list" />
      <p class="listed-foot">
        <button
          type="button" class="small-button" onClick={() => {
            close();
            go(roomPath(m.room, m.id));
          }}
        >{words.inContext}</button>
        {onUnpin && <button type="button" class="small-button" onClick={onUnpin}>{words.unpin}</button>}
        <span class="quiet">{pin.by ? words.pinnedBy(nameOf(pin.by), dayAndClock(pin.at ?? 0)) : ""}</span>
      </p>
    </div>
  );
}

export function RevisionsDialog({ message }: { message: string }): JSX.Element {
  const { answer, fault } = useAnswer(() => talk.revisions(message));
  const now = find(message);
  return (
    <Modal title={words.edits} class="wide" onClose={close}>
      <Wait fault={fault} answer={answer}>
        <ol class="revisions">
          {(answer?.revisions ?? []).map((r) => (
            <li key={r.sent}>
              <p class="quiet">{words.saidFrom(dayAndClock(r.sent), dayAndClock(r.edited ?? 0))}</p>
              <div class="body" dir="auto"><Tree nodes={r.tree ?? []} /></div>
            </li>
          ))}
          {now && !now.gone && (
            <li aria-current="true">
              <p class="quiet">{words.saidSince(dayAndClock(now.edited ?? now.sent))}</p>
              <div class="body" dir="auto"><Tree nodes={now.tree ?? []} /></div>
            </li>
          )}
        </ol>
      </Wait>
    </Modal>
  );
}

export function DeleteDialog({ message: m }: { message: Message }): JSX.Element {
  const [busy, setBusy] = useState(false);
  const remove = async () => {
    setBusy(true);
    const ok = await attempt(talk.remove(m.id));
    setBusy(false);
    if (ok) close();
  };
  return (
    <Modal title={words.deleteTitle} onClose={close}>
      <p>{words.deleteLead}</p>
      <div class="quoted body" dir="auto"><Tree nodes={m.tree ?? []} /></div>
      <p class="modal-foot">
        <button type="button" class="button danger" disabled={busy} onClick={() => void remove()}>{words.delete}</button>
        <button type="button" class="button" onClick={close}>{words.cancel}</button>
      </p>
    </Modal>
  );
}

// CallDialog asks before many people are called.
export function CallDialog({ name, people, then }: { name: string; people: number; then: () => void }): JSX.Element {
  return (
    <Modal title={words.callTitle(name)} onClose={close}>
      <p>{name === "all" ? words.callAll(people) : words.callHere(people)}</p>
      <p class="modal-foot">
        <button
          type="button" class="button primary" onClick={() => {
            close();
            then();
          }}
        >{words.send}</button>
        <button type="button" class="button" onClick={close}>{words.cancel}</button>
      </p>
    </Modal>
  );
}

export function CommandsDialog(): JSX.Element {
  return (
    <Modal title={words.commandsTitle} class="wide" onClose={close}>
      <table class="keys"><tbody>
        {commands.map((c) => (
          <tr key={c.names[0]}><th scope="row">{c.names.map((n) => "/" + n).join(", ")} <span class="quiet">{c.takes()}</span></th><td>{c.help()}</td></tr>
        ))}
        {words.commandExtras.map(([what, help]) => <tr key={what}><th scope="row">{what}</th><td>{help}</td></tr>)}
      </tbody></table>
    </Modal>
  );
}
