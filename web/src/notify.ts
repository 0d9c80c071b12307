// Telling: notifications of the browser while a tab is open, and by push while
// none is. Who is told of what is decided by the server; this only shows it.
import { accounts, isOn } from "./accounts";
import type { Told } from "./api.gen";
import { go, roomPath } from "./route";
import { state } from "./state";

export type PushState = "unknown" | "off" | "on";

export const canNotify = (): NotificationPermission | "none" => (isSecureContext && "Notification" in window ? Notification.permission : "none");

const hasPush = () => isSecureContext && "serviceWorker" in navigator && "PushManager" in window;

// notify shows a notification, unless this tab is looked at in that very room.
// Several tabs show one: the tag names the message.
export function notify(told: Told): void {
  if (!isOn("desktop") || canNotify() !== "granted") return;
  if (document.visibilityState === "visible" && document.hasFocus() && state.opened.value?.id === told.room) return;
  const n = new Notification(told.title, { body: told.text ?? "", tag: told.message, icon: "/favicon.svg", silent: !isOn("sound") });
  n.onclick = () => {
    focus();
    go(roomPath(told.room, told.message));
    n.close();
  };
}

const worker = async () => (await navigator.serviceWorker.getRegistration("/")) ?? navigator.serviceWorker.register("/worker.js", { scope: "/" });

// pushState says whether this browser is reached while no tab is open.
export async function pushState(): Promise<PushState> {
  if (!hasPush() || canNotify() !== "granted") return "unknown";
  const r = await navigator.serviceWorker.getRegistration("/");
  return (await r?.pushManager.getSubscription()) ? "on" : "off";
}

function keyOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
}

export async function startPush(): Promise<PushState> {
  const { key } = await accounts.pushKey();
  if (!key) return "unknown";
  const r = await worker();
  await navigator.serviceWorker.ready;
  const s = await r.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: keyOf(key) });
  const j = s.toJSON();
  await accounts.addPush({ endpoint: s.endpoint, keys: { p256dh: j.keys?.p256dh ?? "", auth: j.keys?.auth ?? "" } });
  return "on";
}

export async function stopPush(): Promise<PushState> {
  const r = await navigator.serviceWorker.getRegistration("/");
  const s = await r?.pushManager.getSubscription();
  if (s) {
    await accounts.removePush(s.endpoint);
    await s.unsubscribe();
  }
  return "off";
}
