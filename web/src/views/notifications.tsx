// Asking this browser for notifications, and to be reached while no tab is
// open.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { canNotify, pushState, startPush, stopPush, type PushState } from "../notify";
import { words } from "../words";
import { ActionButton } from "./form";

export function AllowNotifications(): JSX.Element | null {
  const [permission, setPermission] = useState(canNotify());
  const [push, setPush] = useState<PushState>("unknown");
  useEffect(() => {
    void pushState().then(setPush);
  }, [permission]);
  if (permission === "none") return <p class="notice">{words.pushHTTP}</p>;
  return (
    <div class="buttons">
      {permission === "default" && <ActionButton text={words.permissionAsk} action={async () => setPermission(await Notification.requestPermission())} />}
      {permission === "denied" && <p class="notice">{words.permissionDenied}</p>}
      {permission === "granted" && push === "unknown" && <p class="quiet">{words.permissionGranted}</p>}
      {permission === "granted" && push === "off" && <ActionButton text={words.pushHere} action={async () => setPush(await startPush())} />}
      {permission === "granted" && push === "on" && (
        <>
          <p class="quiet">{words.pushOn}</p>
          <ActionButton text={words.pushHereOff} action={async () => setPush(await stopPush())} />
        </>
      )}
    </div>
  );
}
