// The whole page: which view is shown, and the keys that work everywhere.
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { closeRoom } from "../room";
import { go, roomPath, route, searchPath } from "../route";
import { begin } from "../session";
import { roomsByPlace, state, waiting } from "../state";
import { keep, recall, show } from "../ui";
import { words } from "../words";
import { Banners } from "./banners";
import { PersonCard } from "./card";
import { DateDialog, HelpDialog, LinkDialog } from "./dialogs";
import { FirstOrSignIn, PasswordLink, Unsubscribe } from "./entry";
import { lazy } from "./lazy";
import { PeoplePage, RoomsPage } from "./directory";
import { MovedPage } from "./moved";
import { Empty, FaultBox, Later } from "./parts";
import { RoomPage, Welcome } from "./room";
import { SearchPage } from "./search";
import { RoomMenu } from "./roommenu";
import { PickerHost } from "./pickerhost";
import { MessageMenu } from "./toolbar";
import { Sidebar } from "./sidebar";
import { Switcher } from "./switcher";

// What few people open, and not at once, is loaded when they do.
const AdminPage = lazy(() => import("./admin").then((m) => m.AdminPage));
const PreferencesPage = lazy(() => import("./preferences").then((m) => m.PreferencesPage));
const PictureDialog = lazy(() => import("./gallery").then((m) => m.PictureDialog));
const FilesDialog = lazy(() => import("./gallery").then((m) => m.FilesDialog));
const LimitedPage = lazy(() => import("./security").then((m) => m.LimitedPage));
const DetailsDialog = lazy(() => import("./roomdetails").then((m) => m.DetailsDialog));
const NewRoomDialog = lazy(() => import("./newroom").then((m) => m.NewRoomDialog));
const NewTalkDialog = lazy(() => import("./newroom").then((m) => m.NewTalkDialog));
const InviteDialog = lazy(() => import("./newroom").then((m) => m.InviteDialog));
const GuestEntry = lazy(() => import("./guest").then((m) => m.GuestEntry));
const ThreadsPage = lazy(() => import("./lists").then((m) => m.ThreadsPage));
const SavedPage = lazy(() => import("./lists").then((m) => m.SavedPage));
const EmoticonsPage = lazy(() => import("./emoticons").then((m) => m.EmoticonsPage));
const PinsDialog = lazy(() => import("./talkdialogs").then((m) => m.PinsDialog));
const RevisionsDialog = lazy(() => import("./talkdialogs").then((m) => m.RevisionsDialog));
const DeleteDialog = lazy(() => import("./talkdialogs").then((m) => m.DeleteDialog));
const CallDialog = lazy(() => import("./talkdialogs").then((m) => m.CallDialog));
const CommandsDialog = lazy(() => import("./talkdialogs").then((m) => m.CommandsDialog));

export function App(): JSX.Element {
  const at = route.value;
  if (at.page === "link") return <PasswordLink secret={at.secret} />;
  if (at.page === "unsubscribe") return <Unsubscribe token={at.token} />;
  if (at.page === "guest") return <GuestEntry secret={at.secret} />;
  switch (state.phase.value) {
    case "loading": return <main class="entry"><Later><p role="status">{words.loading}</p></Later></main>;
    case "signed-out": return <FirstOrSignIn />;
    case "limited": return <LimitedPage />;
    case "failed": return <Failed />;
    case "ready": return <Main />;
  }
}

function Failed(): JSX.Element {
  const fault = state.fault.value;
  return (
    <main class="entry">
      <div class="entry-box">
        <h1>{words.name}</h1>
        {fault && <FaultBox fault={fault} />}
        <button type="button" class="button primary wide" onClick={() => void begin()}>{words.tryAgain}</button>
      </div>
    </main>
  );
}

function Main(): JSX.Element {
  const at = route.value;
  useEffect(() => {
    addEventListener("keydown", globalKeys);
    return () => removeEventListener("keydown", globalKeys);
  }, []);
  useEffect(() => {
    state.card.value = null;
    state.menu.value = null;
    if (at.page === "room") keep("room", at.room);
    else closeRoom();
    if (at.page === "home") home();
  }, [at]);
  return (
    <div class={"main" + (at.page === "home" ? " at-home" : "") + (state.sidebar.value ? "" : " no-sidebar")}>
      <a class="skip" href="#content">{at.page === "room" ? words.skip : words.skipPage}</a>
      <Sidebar />
      <main class="content" id="content" tabIndex={-1}>
        <Offline />
        <Banners />
        <Page />
        <MessageMenu />
      </main>
      <Dialogs />
      <PickerHost />
      <PersonCard />
      <RoomMenu />
      <div class="said" role="status">{state.said.value && <span>{state.said.value}</span>}</div>
    </div>
  );
}

// On a wide screen the start is the room that was open last. On a phone it is
// the list of rooms.
function home(): void {
  document.title = state.start.value?.place || words.name;
  if (matchMedia("(max-width: 720px)").matches) return;
  const { stars, rooms, people } = roomsByPlace.value;
  const last = recall("room");
  const id = last && state.rooms.value.has(last) ? last : (stars[0] ?? rooms[0] ?? people[0])?.id;
  if (id) go(roomPath(id), true);
}

function Page(): JSX.Element {
  const at = route.value;
  switch (at.page) {
    case "home": return <Welcome />;
    case "room": return <RoomPage room={at.room} message={at.message} thread={at.thread} />;
    case "threads": return <ThreadsPage />;
    case "saved": return <SavedPage />;
    case "emoticons": return <EmoticonsPage />;
    case "rooms": return <RoomsPage />;
    case "people": return <PeoplePage />;
    case "search": return <SearchPage q={at.q} />;
    case "admin": return <AdminPage tab={at.tab} />;
    case "preferences": return <PreferencesPage />;
    case "moved": return <MovedPage address={at.address} />;
    default: return (
      <Empty top icon="help" title={words.lost}>
        <p>{words.lostHint}</p>
        <a class="button" href="/">{words.toStart}</a>
      </Empty>
    );
  }
}

function Dialogs(): JSX.Element | null {
  const d = state.dialog.value;
  switch (d?.kind) {
    case "switcher": return <Switcher />;
    case "help": return <HelpDialog />;
    case "date": return <DateDialog />;
    case "pins": return <PinsDialog room={state.opened.value?.id ?? ""} />;
    case "revisions": return <RevisionsDialog message={d.message} />;
    case "delete": return <DeleteDialog message={d.message} />;
    case "call": return <CallDialog name={d.name} people={d.people} then={d.then} />;
    case "commands": return <CommandsDialog />;
    case "details": return <DetailsDialog />;
    case "new-room": return <NewRoomDialog />;
    case "new-talk": return <NewTalkDialog />;
    case "invite": return <InviteDialog room={d.room} />;
    case "files": return <FilesDialog />;
    case "picture": return <PictureDialog message={d.message} file={d.file} />;
    case "link": return <LinkDialog name={d.name} url={d.url} expires={d.expires} />;
    default: return null;
  }
}

function Offline(): JSX.Element | null {
  if (state.online.value) return null;
  const n = waiting.value;
  return <p class="offline" role="status">{n ? words.offlineWaiting(n) : words.offline}</p>;
}

function globalKeys(e: KeyboardEvent): void {
  const typing = e.target instanceof HTMLElement && e.target.closest("input, textarea, select, [contenteditable]") !== null;
  if ((e.ctrlKey || e.metaKey) && !e.altKey && e.key.toLowerCase() === "k") {
    show(state.dialog.value?.kind === "switcher" ? null : { kind: "switcher" });
  } else if (state.dialog.value) {
    return;
  } else if (e.altKey && !e.shiftKey && (e.key === "ArrowUp" || e.key === "ArrowDown")) {
    step(e.key === "ArrowUp" ? -1 : 1);
  } else if (e.key === "F6" && !e.ctrlKey && !e.altKey && !e.shiftKey && state.opened.value) {
    crossOver();
  } else if (!typing && e.key === "?") {
    show({ kind: "help" });
  } else if (!typing && e.key === "/") {
    go(searchPath(""));
  } else {
    return;
  }
  e.preventDefault();
}

// crossOver goes from the box to the newest message, and back.
function crossOver(): void {
  const inside = document.activeElement?.closest(".thread-box, .history");
  const thread = document.activeElement?.closest(".thread");
  if (inside) document.getElementById(thread ? "composer-thread" : "composer")?.focus();
  else [...document.querySelectorAll<HTMLElement>(thread ? ".thread-box article" : ".history article")].at(-1)?.focus();
}

function step(by: number): void {
  const { stars, rooms, people } = roomsByPlace.value;
  const all = [...stars, ...rooms, ...people];
  const at = route.value;
  const i = all.findIndex((r) => at.page === "room" && r.id === at.room);
  const next = all[(i + by + all.length) % all.length];
  if (next) go(roomPath(next.id));
}
