// Coming into one room by its guest address.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { api, faultOf, type Fault } from "../api";
import type { GuestRoom } from "../api.gen";
import { roomsApi } from "../rooms";
import { go, roomPath } from "../route";
import { begin } from "../session";
import { words } from "../words";
import { Empty, FaultBox, Skeleton } from "./parts";
import { Mark } from "./icons";

export function GuestEntry({ secret }: { secret: string }): JSX.Element {
  const [room, setRoom] = useState<GuestRoom | null>(null);
  const [bad, setBad] = useState<Fault | null>(null);
  const [fault, setFault] = useState<Fault | null>(null);
  const [name, setName] = useState("");
  const [busy, setBusy] = useState(false);
  const [me, setMe] = useState(""); // who is signed in here
  useEffect(() => {
    let on = true;
    roomsApi.guestRoom(secret).then((r) => on && setRoom(r), (e: unknown) => on && setBad(faultOf(e)));
    api.start().then((s) => on && setMe(s.me.name), () => undefined);
    return () => {
      on = false;
    };
  }, [secret]);
  useEffect(() => {
    document.title = room ? words.guestTitle(room.room) : words.name;
  }, [room]);
  const enter = async (e: Event) => {
    e.preventDefault();
    if (busy) return;
    setBusy(true);
    setFault(null);
    try {
      const guest = await roomsApi.enter(secret, name);
      await begin();
      go(roomPath(guest.room), true);
    } catch (wrong) {
      setFault(faultOf(wrong));
      setBusy(false);
    }
  };
  if (bad) {
    return (
      <main class="entry">
        <Empty top icon="lock" title={words.guestBad}>
          <p>{bad.message}</p>
          {bad.hint && <p class="quiet">{bad.hint}</p>}
          <a class="button" href="/">{words.toSignIn}</a>
        </Empty>
      </main>
    );
  }
  if (!room) return <main class="entry"><Skeleton rows={1} /></main>;
  return (
    <main class="entry">
      <form class="entry-box" onSubmit={(e) => void enter(e)}>
        <Mark size={48} />
        <h1 dir="auto">{words.guestTitle(room.room)}</h1>
        <p class="quiet">{words.guestWelcome(room.place)}</p>
        {me && <p class="notice">{words.guestSignedIn(me)}</p>}
        <label for="guest-name">{words.guestName}</label>
        <input id="guest-name" type="text" autoFocus autocomplete="name" maxLength={100} value={name} dir="auto" onInput={(e) => setName(e.currentTarget.value)} />
        {fault && <FaultBox fault={fault} />}
        <button type="submit" class="button primary wide" disabled={busy || !name.trim()}>{words.guestEnter}</button>
      </form>
    </main>
  );
}
