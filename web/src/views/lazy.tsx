// Views that are loaded when they are first shown.
import type { ComponentType, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Fault } from "../api";
import { words } from "../words";
import { FaultBox, Skeleton } from "./parts";

export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): (props: P) => JSX.Element {
  let loaded: ComponentType<P> | null = null;
  return function Lazy(props: P): JSX.Element {
    const [, setReady] = useState(loaded !== null);
    const [failed, setFailed] = useState(false);
    useEffect(() => {
      if (loaded) return;
      let on = true;
      load().then((c) => {
        loaded = c;
        if (on) setReady(true);
      }, () => on && setFailed(true)); // a newer version is served, or there is no connection
      return () => {
        on = false;
      };
    }, []);
    if (loaded) {
      const View = loaded;
      return <View {...props} />;
    }
    if (!failed) return <Skeleton />;
    return (
      <FaultBox fault={new Fault("offline", words.noAnswer, words.noAnswerHint)}>
        <button type="button" class="button" onClick={() => location.reload()}>{words.tryAgain}</button>
      </FaultBox>
    );
  };
}
