// Everything about a room: what it is, who is in it, how one has it, and what
// changes it for everybody.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { faultOf, type Fault } from "../api";
import type { Room } from "../api.gen";
import { best } from "../find";
import { editRoom, isTalk, join, may, removeMember, roomsApi, setMine, setOwner, setRole, setState as setRoomState } from "../rooms";
import { go } from "../route";
import { nameOf, openedRoom, personOf, roomName, state } from "../state";
import { count, shortDay } from "../time";
import { copy, say, show } from "../ui";
import { words } from "../words";
import { Avatar, FaultBox, Modal } from "./parts";
import { typeOf } from "./room";
import { leaveNow } from "./roommenu";

const close = () => show(null);

// useSend runs what is sent, one at a time, and keeps what went wrong.
function useSend(): { busy: boolean; fault: Fault | null; send: (act: () => Promise<unknown>) => Promise<boolean> } {
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<Fault | null>(null);
  const send = async (act: () => Promise<unknown>) => {
    if (busy) return false;
    setBusy(true);
    setFault(null);
    try {
      await act();
      return true;
    } catch (e) {
      setFault(faultOf(e));
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { busy, fault, send };
}

export function DetailsDialog(): JSX.Element | null {
  const room = openedRoom.value;
  if (!room) return null;
  return (
    <Modal title={roomName(room)} class="details" onClose={close}>
      {room.arriving && <p class="notice">{words.arrivingLong}</p>}
      <About room={room} />
      {room.member && <Mine room={room} />}
      <Members room={room} />
      {may(room, "guests") && <Guests room={room} />}
      <Danger room={room} />
    </Modal>
  );
}

function About({ room }: { room: Room }): JSX.Element {
  const type = [typeOf(room), room.state === "archived" ? words.archived : room.state === "deleted" ? words.deleted : ""].filter(Boolean).join(", ");
  const facts: [string, string][] = [[words.roomType, type]];
  if (room.owner) facts.push([words.owner, nameOf(room.owner)]);
  if (room.messages !== undefined) facts.push([words.messageCount, count(room.messages)]);
  if (room.first) facts.push([words.firstMessage, shortDay(room.first)]);
  if (room.last) facts.push([words.lastMessage, shortDay(room.last)]);
  const { busy, fault, send } = useSend();
  return (
    <section class="details-part">
      {may(room, "rename") && <Line id="rename" label={words.roomNameLabel} value={room.name} most={200} save={(name) => editRoom(room.id, { name })} />}
      {may(room, "topic") ? <Line id="retopic" label={words.topicLabel} value={room.topic ?? ""} most={250} save={(topic) => editRoom(room.id, { topic })} /> : room.topic && <p dir="auto">{room.topic}</p>}
      <dl class="facts">{facts.map(([k, v]) => <div key={k}><dt>{k}</dt><dd>{v}</dd></div>)}</dl>
      {room.guests && <p class="quiet">{words.guestsInLong}</p>}
      {fault && <FaultBox fault={fault} />}
      {may(room, "join") && <button type="button" class="button primary" disabled={busy} onClick={() => void send(() => join(room.id))}>{words.joinRoom}</button>}
    </section>
  );
}

// Line is a text that is changed in its place.
function Line({ id, label, value, most, save }: { id: string; label: string; value: string; most: number; save: (text: string) => Promise<unknown> }): JSX.Element {
  const [text, setText] = useState(value);
  const { busy, fault, send } = useSend();
  useEffect(() => setText(value), [value]);
  return (
    <form
      class="room-form" onSubmit={(e) => {
        e.preventDefault();
        if (text !== value) void send(() => save(text));
      }}
    >
      <label for={id}>{label}</label>
      <div class="copy-line">
        <input id={id} class="plain-text" type="text" value={text} maxLength={most} autocomplete="off" dir="auto" onInput={(e) => setText(e.currentTarget.value)} />
        <button type="submit" class="button" disabled={busy || text === value}>{words.save}</button>
      </div>
      {fault && <FaultBox fault={fault} />}
    </form>
  );
}

function Mine({ room }: { room: Room }): JSX.Element {
  const mine = state.rooms.value.get(room.id) ?? room;
  return (
    <section class="details-part line">
      <label class="check"><input type="checkbox" checked={mine.star ?? false} onChange={(e) => void setMine(room, { star: e.currentTarget.checked })} /> {words.favourites}</label>
      <label class="level">
        {words.level}{" "}
        <select value={mine.notify ?? ""} onChange={(e) => void setMine(room, { notify: e.currentTarget.value })}>
          {words.levels.map(([level, text]) => <option key={level} value={level}>{text}</option>)}
        </select>
      </label>
    </section>
  );
}

const step = 100;

function Members({ room }: { room: Room }): JSX.Element | null {
  const [query, setQuery] = useState("");
  const [limit, setLimit] = useState(step);
  const [open, setOpen] = useState("");
  const { busy, fault, send } = useSend();
  const admins = new Set(room.admins ?? []);
  const owner = room.owner ? personOf(room.owner)?.id ?? room.owner : "";
  const list = (room.people ?? []).map((id) => ({ id, person: personOf(id), name: nameOf(id) }));
  const rank = (id: string) => (id === owner ? 0 : admins.has(id) ? 1 : 2);
  list.sort((a, b) => rank(a.id) - rank(b.id) || a.name.localeCompare(b.name, words.locale, { numeric: true }));
  const found = best(list, query, (m) => `${m.name} ${m.person?.mention ?? ""}`, limit + 1);
  const me = state.start.value?.me.id;
  const done = (text: () => Promise<unknown>) => void send(text).then((ok) => ok && setOpen(""));
  if (!list.length) return null;
  return (
    <section class="details-part" aria-labelledby="details-members">
      <div class="line">
        <h3 id="details-members">{words.membersTitle} <span class="quiet">{count(list.length)}</span></h3>
        {(may(room, "invite") || (isTalk(room) && room.member)) && state.start.value?.me.role !== "guest" && (
          <button type="button" class="button" onClick={() => show({ kind: "invite", room: room.id })}>{words.invitePeople}</button>
        )}
      </div>
      {list.length > 8 && <input type="search" value={query} placeholder={words.findMember} aria-label={words.findMember} onInput={(e) => { setQuery(e.currentTarget.value); setLimit(step); }} />}
      {fault && <FaultBox fault={fault} />}
      <ul class="member-list" tabIndex={0} aria-label={words.membersTitle}>
        {found.slice(0, limit).map(({ id, person, name }) => {
          const acts = id === me ? [] : actsOn(room, id, owner, admins, person?.role === "guest");
          return (
            <li key={id}>
              <Avatar person={person} name={name} size={28} />
              <span class="side-name" dir="auto">{name}</span>
              {person?.mention && <span class="quiet">@{person.mention}</span>}
              {id === owner ? <span class="tag">{words.owner}</span> : admins.has(id) && <span class="tag">{words.roomAdmin}</span>}
              {person?.role === "guest" && <span class="tag">{words.roles.guest}</span>}
              {person?.off && <span class="tag">{words.left}</span>}
              {acts.length > 0 && (
                <button type="button" class="small-button" aria-expanded={open === id} aria-label={words.actsOn(name)} onClick={() => setOpen(open === id ? "" : id)}>…</button>
              )}
              {open === id && (
                <span class="member-acts">
                  {acts.map((a) => <button key={a.text} type="button" class="button" disabled={busy} onClick={() => done(a.act)}>{a.text}</button>)}
                </span>
              )}
            </li>
          );
        })}
        {!found.length && <li class="quiet">{words.noMember}</li>}
      </ul>
      {found.length > limit && <button type="button" class="button" onClick={() => setLimit(limit + step)}>{words.more}</button>}
    </section>
  );
}

function actsOn(room: Room, id: string, owner: string, admins: Set<string>, guest: boolean): { text: string; act: () => Promise<unknown> }[] {
  const acts = [];
  if (may(room, "roles") && id !== owner && !guest) {
    acts.push({ text: admins.has(id) ? words.unmakeAdmin : words.makeAdmin, act: () => setRole(room.id, id, !admins.has(id)) });
  }
  if (may(room, "owner") && id !== owner && !guest) acts.push({ text: words.handOver, act: () => setOwner(room.id, id) });
  if (may(room, "remove") && id !== owner) acts.push({ text: words.removePerson, act: () => removeMember(room.id, id) });
  return acts;
}

function Guests({ room }: { room: Room }): JSX.Element {
  const [url, setURL] = useState<string | null>(null);
  const { busy, fault, send } = useSend();
  const ask = (call: (id: string) => Promise<{ url: string }>) => void send(async () => {
    setURL((await call(room.id)).url);
  });
  useEffect(() => ask(roomsApi.guest), [room.id]);
  return (
    <section class="details-part" aria-labelledby="details-guests">
      <h3 id="details-guests">{words.guestAddress}</h3>
      <p class="quiet">{words.guestLead}</p>
      {fault && <FaultBox fault={fault} />}
      {url === "" && (
        <div class="line"><span>{words.guestOffState}</span><button type="button" class="button" disabled={busy} onClick={() => ask(roomsApi.guestOn)}>{words.guestOn}</button></div>
      )}
      {url && (
        <>
          <div class="copy-line">
            <input readOnly value={url} aria-label={words.guestAddress} onFocus={(e) => e.currentTarget.select()} />
            <button type="button" class="button primary" onClick={() => void copy(url, words.linkCopied)}>{words.copy}</button>
          </div>
          <div class="line">
            <button type="button" class="button" disabled={busy} onClick={() => ask(roomsApi.guestRenew)}>{words.guestRenew}</button>
            <button type="button" class="button" disabled={busy} title={words.guestOffHint} onClick={() => ask(roomsApi.guestOff)}>{words.guestOff}</button>
          </div>
        </>
      )}
    </section>
  );
}

interface Deed {
  what: string;
  ask: ComponentChildren;
  act: () => Promise<unknown>;
}

function Danger({ room }: { room: Room }): JSX.Element | null {
  const [asked, setAsked] = useState("");
  const { busy, fault, send } = useSend();
  const name = roomName(room);
  const deeds: Deed[] = [];
  if (may(room, "leave")) deeds.push({ what: words.leaveRoom, ask: room.type === "private" ? words.leaveAsk : "", act: () => leaveNow(room, name) });
  if (may(room, "type")) {
    const open = room.type === "private";
    const readers = [...state.people.value.values()].filter((p) => !p.same && !p.off && ["owner", "admin", "member"].includes(p.role)).length;
    deeds.push({
      what: open ? words.makeOpen : words.makePrivate, ask: open ? words.makeOpenAsk(readers, room.messages ?? 0) : words.makePrivateAsk,
      act: () => editRoom(room.id, open ? { type: "open", confirm: true } : { type: "private" }),
    });
  }
  if (may(room, "archive")) deeds.push({ what: words.archive, ask: words.archiveAsk, act: () => setRoomState(room.id, "archived") });
  if (may(room, "open")) deeds.push({ what: words.openAgain, ask: "", act: () => setRoomState(room.id, "") });
  if (may(room, "delete")) deeds.push({ what: words.deleteRoom, ask: words.deleteAsk, act: () => remove(room, name) });
  if (!deeds.length) return null;
  const now = deeds.find((d) => d.what === asked);
  const press = (d: Deed) => (d.ask ? setAsked(d.what) : void send(d.act));
  return (
    <section class="details-part danger" aria-label={words.danger}>
      {fault && <FaultBox fault={fault} />}
      {now ? (
        <div role="alertdialog" aria-label={now.what} class="ask">
          <p>{now.ask}</p>
          <div class="line">
            <button type="button" class="button" ref={(e) => e?.focus()} onClick={() => setAsked("")}>{words.cancel}</button>
            <button type="button" class="button primary" disabled={busy} onClick={() => void send(now.act).then((ok) => ok && setAsked(""))}>{words.yes(now.what)}</button>
          </div>
        </div>
      ) : <div class="line">{deeds.map((d) => <button key={d.what} type="button" class="button" disabled={busy} onClick={() => press(d)}>{d.what}</button>)}</div>}
    </section>
  );
}

async function remove(room: Room, name: string): Promise<void> {
  await setRoomState(room.id, "deleted");
  close();
  say(words.roomDeleted(name));
  go("/rooms");
}

