// Making a room, beginning a conversation, inviting people.
import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import { faultOf, type Fault } from "../api";
import type { Room } from "../api.gen";
import { converse, createRoom, invite, isTalk } from "../rooms";
import { go, roomPath } from "../route";
import { roomName, state } from "../state";
import { show } from "../ui";
import { words } from "../words";
import { FaultBox, Modal } from "./parts";
import { PeoplePicker } from "./picker";

const close = () => show(null);
const mostInGroup = 9;

interface FormProps {
  title: string;
  send: string;
  ready: boolean;
  act: () => Promise<Room>;
  children: ComponentChildren;
}

// Form is a dialog that sends something once, and then shows the room.
function Form({ title, send, ready, act, children }: FormProps): JSX.Element {
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<Fault | null>(null);
  const submit = async (e: Event) => {
    e.preventDefault();
    if (busy || !ready) return;
    setBusy(true);
    setFault(null);
    try {
      const room = await act();
      close();
      go(roomPath(room.id));
    } catch (wrong) {
      setFault(faultOf(wrong));
      setBusy(false);
    }
  };
  return (
    <Modal title={title} onClose={close}>
      <form class="room-form" onSubmit={(e) => void submit(e)}>
        {children}
        {fault && <FaultBox fault={fault} />}
        <div class="room-form-foot">
          <button type="button" class="button" onClick={close}>{words.cancel}</button>
          <button type="submit" class="button primary" disabled={busy || !ready}>{send}</button>
        </div>
      </form>
    </Modal>
  );
}

export function NewRoomDialog(): JSX.Element {
  const [name, setName] = useState("");
  const [topic, setTopic] = useState("");
  const [type, setType] = useState("open");
  const [people, setPeople] = useState<string[]>([]);
  // Once for this dialog: a second try after a lost answer makes no second room.
  const [nonce] = useState(() => crypto.getRandomValues(new Uint32Array(4)).join("-"));
  const me = state.start.value?.me.id ?? "";
  return (
    <Form title={words.newRoom} send={words.make} ready={name.trim() !== ""} act={() => createRoom({ name, topic, type, people, nonce })}>
      <label for="room-name">{words.roomNameLabel}</label>
      <input id="room-name" type="text" autoFocus maxLength={200} value={name} aria-describedby="room-name-hint" autocomplete="off" dir="auto" onInput={(e) => setName(e.currentTarget.value)} />
      <p class="quiet" id="room-name-hint">{words.roomNameHint}</p>
      <label for="room-topic">{words.topicLabel}</label>
      <input id="room-topic" type="text" maxLength={250} value={topic} aria-describedby="room-topic-hint" autocomplete="off" dir="auto" onInput={(e) => setTopic(e.currentTarget.value)} />
      <p class="quiet" id="room-topic-hint">{words.topicHint}</p>
      <fieldset class="choice-lines">
        <legend>{words.whoReads}</legend>
        {([["open", words.open, words.openLead], ["private", words.private, words.privateLead]] as const).map(([value, title, lead]) => (
          <label key={value} class="choice-line">
            <input type="radio" name="room-type" value={value} checked={type === value} onChange={() => setType(value)} />
            <span><strong>{title}</strong><span class="quiet">{lead}</span></span>
          </label>
        ))}
      </fieldset>
      <PeoplePicker id="room-people" label={words.inviteLabel} picked={people} onPick={setPeople} without={[me]} />
    </Form>
  );
}

export function NewTalkDialog(): JSX.Element {
  const [people, setPeople] = useState<string[]>([]);
  const me = state.start.value?.me.id ?? "";
  return (
    <Form title={words.newTalk} send={words.begin} ready act={() => converse(people)}>
      <PeoplePicker id="talk-people" label={words.talkWith} picked={people} onPick={setPeople} without={[me]} most={mostInGroup - 1} autoFocus />
      <p class="quiet">{words.talkHint(mostInGroup)}</p>
    </Form>
  );
}

export function InviteDialog({ room }: { room: string }): JSX.Element | null {
  const [people, setPeople] = useState<string[]>([]);
  const held = state.opened.value?.details ?? state.rooms.value.get(room);
  if (!held || held.id !== room) return null;
  const talk = isTalk(held);
  const there = held.people ?? held.with ?? [];
  return (
    <Form title={talk ? words.addToTalk : words.inviteTo(roomName(held))} send={talk ? words.begin : words.invite} ready={people.length > 0} act={() => invite(room, people)}>
      <PeoplePicker id="invite-people" label={words.inviteLabel} picked={people} onPick={setPeople} without={there} most={talk ? mostInGroup - there.length : 500} autoFocus />
      {talk && <p class="quiet">{words.addToTalkHint}</p>}
    </Form>
  );
}
