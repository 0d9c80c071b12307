// An address of the place that people came from, such as a link in an old mail:
// it leads to the same message here.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { call, Fault, faultOf } from "../api";
import type { Moved } from "../api.gen";
import { go, roomPath } from "../route";
import { words } from "../words";
import { Empty, Later } from "./parts";

export function MovedPage({ address }: { address: string }): JSX.Element {
  const [fault, setFault] = useState<Fault>();
  useEffect(() => {
    const stop = new AbortController();
    setFault(undefined);
    call<Moved>("GET", "/moved?address=" + encodeURIComponent(address), undefined, stop.signal).then(
      (to) => go(roomPath(to.room, to.message), true),
      (e: unknown) => { if (!stop.signal.aborted) setFault(faultOf(e)); },
    );
    return () => stop.abort();
  }, [address]);
  if (!fault) return <Later><p role="status">{words.loading}</p></Later>;
  return (
    <Empty top icon="help" title={fault.kind === "not-found" ? words.notMoved : fault.message}>
      <p>{fault.kind === "not-found" ? words.notMovedHint : fault.hint}</p>
      <a class="button" href="/">{words.toStart}</a>
    </Empty>
  );
}
