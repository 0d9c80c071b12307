// The beginning: looks, routes, the first request, the page.
import { effect } from "@preact/signals";
import { render } from "preact";
import { hurry } from "./feed";
import { watchDrafts } from "./drafts";
import { watchOutbox } from "./outbox";
import { watchPresence } from "./presence";
import { read } from "./marks";
import { listen, route } from "./route";
import { arrive, watchMove } from "./move";
import { begin } from "./session";
import { state } from "./state";
import { startLook } from "./ui";
import { App } from "./views/app";
import "./style/base.css";
import "./style/layout.css";
import "./style/message.css";
import "./style/talk.css";
import "./style/pages.css";
import "./style/rooms.css";

startLook();
listen();
watchPresence();
watchDrafts();
watchOutbox();
watchMove();
addEventListener("online", hurry);
addEventListener("visibilitychange", () => {
  const id = state.opened.value?.id;
  if (document.hidden) return;
  hurry();
  if (id) read(id);
});
// A password link is for somebody who is not signed in yet.
const stop = effect(() => {
  if (["link", "guest", "unsubscribe"].includes(route.value.page)) return;
  queueMicrotask(() => {
    stop();
    if (state.phase.value === "loading") void arrive().then(begin);
  });
});
const host = document.getElementById("app");
if (host) render(<App />, host);
