// Lines on top of the page about the whole place: what is announced, and what
// its move means for whoever has it open.
import type { ComponentChildren, JSX } from "preact";
import { pref, setPrefs } from "../accounts";
import { faultOf } from "../api";
import { arrived, held, leaveNow, newer } from "../move";
import { state } from "../state";
import { clock, longDay, machineTime } from "../time";
import { sayFault } from "../ui";
import { words } from "../words";

export function Banners(): JSX.Element {
  const start = state.start.value;
  return (
    <>
      {held.value && state.online.value && <p class="banner held" role="status">{words.held}</p>}
      {start?.state === "receiving" && <Banner kind="copy">{words.copyBanner}</Banner>}
      {start?.state === "archive" && <Banner kind="copy">{words.archiveBanner}</Banner>}
      <Announced />
      {start?.moved && <Banner act={words.goNow} on={leaveNow}>{words.movedTo(hostOf(start.moved))}</Banner>}
      {arrived.value && <Banner act={words.putAway} on={() => (arrived.value = false)}>{words.handedOver(location.host)}</Banner>}
      {newer.value && <Banner act={words.reload} on={() => location.reload()}>{words.newerClient}</Banner>}
    </>
  );
}

const hostOf = (address: string) => address.replace(/^https?:\/\//, "");

function Banner({ kind = "", act, on, children }: { kind?: string; act?: string; on?: () => void; children: ComponentChildren }): JSX.Element {
  return (
    <div class={"banner " + kind} role="status">
      <p>{children}</p>
      {act && <button type="button" class="small-button" onClick={on}>{act}</button>}
    </div>
  );
}

// Announced is what administrators have to say to everybody, until one puts it
// away: on all of one's devices.
function Announced(): JSX.Element | null {
  const a = state.start.value?.announcement;
  if (!a || pref("put-away") === a.id) return null;
  const putAway = () => void setPrefs({ "put-away": a.id }).catch((e: unknown) => sayFault(faultOf(e)));
  return (
    <section class="banner" aria-label={words.announcement}>
      <p dir="auto">{a.at ? <><time dateTime={machineTime(a.at)}><strong>{longDay(a.at)}, {clock(a.at)}</strong></time>{": "}</> : null}{a.text}</p>
      <button type="button" class="small-button" onClick={putAway}>{words.putAway}</button>
    </section>
  );
}
