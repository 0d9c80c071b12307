// The pictures of a room, large, one after the other; and all its files.
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { call, faultOf, type Fault } from "../api";
import type { RoomFile, RoomFiles } from "../api.gen";
import { messagesOf } from "../history";
import { roomPath } from "../route";
import { nameOf, openedRoom, roomName, state } from "../state";
import { dayAndClock, size } from "../time";
import { show } from "../ui";
import { words } from "../words";
import { iconOf, kindOf } from "./files";
import { Icon } from "./icons";
import { Empty, FaultBox, IconButton, Modal, Skeleton } from "./parts";
import "../style/gallery.css";

const filesOf = (room: string, query: Record<string, string>, signal?: AbortSignal) =>
  call<RoomFiles>("GET", `/rooms/${encodeURIComponent(room)}/files?` + new URLSearchParams(query), undefined, signal);

// What a browser draws itself; of other pictures it is shown the preview.
const drawn = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);

// What the list of files held when one of its pictures was opened, oldest first.
const shelf = signal<RoomFile[]>([]);

// loaded lists the pictures of the messages that are held, oldest first.
function loaded(): RoomFile[] {
  return messagesOf(state.opened.value?.pages ?? []).flatMap((m) =>
    (m.files ?? []).filter((f) => kindOf(f) === "picture").map((f) => ({ ...f, message: m.id, author: m.author ?? "", label: m.label ?? "", sent: m.sent })));
}

const steps = [1, 1.5, 2, 3, 4, 6];

export function PictureDialog({ message, file }: { message: string; file: string }): JSX.Element | null {
  const room = openedRoom.value?.id ?? "";
  const [list, setList] = useState<RoomFile[]>(() => {
    const here = loaded();
    return here.some((f) => f.id === file && f.message === message) ? here : shelf.value;
  });
  const [zoom, setZoom] = useState(0);
  const [ends, setEnds] = useState({ older: false, newer: false });
  const at = list.findIndex((f) => f.id === file && f.message === message);
  const shown = list[at];

  // At the end of what is held there may be more.
  useEffect(() => {
    const stop = new AbortController();
    const fetchMore = async (side: "older" | "newer", from: RoomFile) => {
      const page = await filesOf(room, { type: "pictures", [side === "older" ? "before" : "after"]: from.id }, stop.signal);
      setList((now) => {
        const known = new Set(now.map((f) => f.id));
        const fresh = page.files.filter((f) => !known.has(f.id));
        return side === "older" ? [...fresh.reverse(), ...now] : [...now, ...fresh];
      });
      setEnds((now) => ({ ...now, [side]: true }));
    };
    if (shown && at === 0 && !ends.older) void fetchMore("older", shown).catch(() => undefined);
    if (shown && at === list.length - 1 && !ends.newer) void fetchMore("newer", shown).catch(() => undefined);
    return () => stop.abort();
  }, [file]);

  const turn = (by: number) => {
    const next = list[at + by];
    if (!next) return;
    setZoom(0);
    if (ends.older && at + by === 0) setEnds((now) => ({ ...now, older: false }));
    if (ends.newer && at + by === list.length - 1) setEnds((now) => ({ ...now, newer: false }));
    show({ kind: "picture", message: next.message, file: next.id });
  };
  const closer = (by: number) => setZoom((z) => Math.min(steps.length - 1, Math.max(0, z + by)));
  useEffect(() => {
    const keys = (e: KeyboardEvent) => {
      if (e.ctrlKey || e.metaKey || e.altKey) return;
      if (e.key === "ArrowLeft" && !zoom) turn(-1);
      else if (e.key === "ArrowRight" && !zoom) turn(1);
      else if (e.key === "+" || e.key === "=") closer(1);
      else if (e.key === "-") closer(-1);
      else if (e.key === "0") setZoom(0);
      else return;
      e.preventDefault();
    };
    addEventListener("keydown", keys);
    return () => removeEventListener("keydown", keys);
  });
  if (!shown) return null;
  return (
    <Modal title={shown.name} class="picture" onClose={() => show(null)}>
      <Large key={shown.id} file={shown} zoom={steps[zoom] ?? 1} onClick={() => setZoom(zoom ? 0 : 2)} />
      <footer class="picture-foot">
        <p class="quiet" aria-live="polite">
          {nameOf(shown.author, shown.label)} · {dayAndClock(shown.sent)} · {size(shown.size)}{shown.width ? ` · ${shown.width} × ${shown.height}` : ""}
        </p>
        <span class="grow" />
        <IconButton icon="minus" label={words.smaller} onClick={() => closer(-1)} />
        <IconButton icon="plus" label={words.larger} onClick={() => closer(1)} />
        {at > 0 && <IconButton icon="back" label={words.previous} onClick={() => turn(-1)} />}
        {at < list.length - 1 && <IconButton icon="chevron" label={words.next} onClick={() => turn(1)} />}
        <a class="button" href={shown.url} download={shown.name}>{words.download}</a>
      </footer>
    </Modal>
  );
}

function Large({ file, zoom, onClick }: { file: RoomFile; zoom: number; onClick: () => void }): JSX.Element {
  const img = useRef<HTMLImageElement>(null);
  const [fit, setFit] = useState(0);
  const [broken, setBroken] = useState(false);
  if (broken) return <Empty icon="image" title={words.cannotShow}><p>{words.cannotShowHint}</p></Empty>;
  const large = zoom > 1 && fit > 0;
  return (
    <div class={"picture-box" + (large ? " large" : "")} tabIndex={large ? 0 : undefined} role={large ? "group" : undefined} aria-label={large ? file.name : undefined}>
      <img
        ref={img} src={drawn.has(file.type ?? "") ? file.url : file.preview} alt={file.name} width={file.width || undefined} height={file.height || undefined}
        style={large ? { width: Math.round(fit * zoom), maxWidth: "none", maxHeight: "none" } : {}}
        onLoad={() => !large && setFit(img.current?.getBoundingClientRect().width ?? 0)} onError={() => setBroken(true)} onClick={onClick}
      />
    </div>
  );
}

const tabs = ["", "pictures", "media", "other"] as const;

export function FilesDialog(): JSX.Element | null {
  const room = openedRoom.value;
  const [type, setType] = useState<(typeof tabs)[number]>("");
  const [files, setFiles] = useState<RoomFile[] | null>(null);
  const [next, setNext] = useState("");
  const [fault, setFault] = useState<Fault | null>(null);
  const id = room?.id ?? "";
  const load = async (before: string, signal?: AbortSignal) => {
    setFault(null);
    try {
      const page = await filesOf(id, { type, before }, signal);
      setFiles((old) => (before ? [...(old ?? []), ...page.files] : page.files));
      setNext(page.next ?? "");
    } catch (e) {
      if (!signal?.aborted) setFault(faultOf(e));
    }
  };
  useEffect(() => {
    const stop = new AbortController();
    setFiles(null);
    void load("", stop.signal);
    return () => stop.abort();
  }, [id, type]);
  if (!room) return null;
  const open = (f: RoomFile) => {
    shelf.value = (files ?? []).filter((o) => kindOf(o) === "picture").reverse();
    show({ kind: "picture", message: f.message, file: f.id });
  };
  return (
    <Modal title={words.filesOf(roomName(room))} class="room-files" onClose={() => show(null)}>
      <div class="file-tabs" role="group" aria-label={words.sorts}>
        {tabs.map((t) => (
          <button key={t} type="button" class="button" aria-pressed={type === t} onClick={() => setType(t)}>{words.sortsOfFiles[t]}</button>
        ))}
      </div>
      <div class="file-scroll" tabIndex={0} role="group" aria-label={words.filesOf(roomName(room))}>
        {fault && <FaultBox fault={fault}><button type="button" class="button" onClick={() => void load("")}>{words.tryAgain}</button></FaultBox>}
        {!files && !fault && <Skeleton rows={4} />}
        {files && !files.length && !fault && <Empty icon="file" title={words.noFiles}><p>{words.noFilesHint}</p></Empty>}
        {files && (
          <ul class={type === "pictures" ? "file-grid" : "file-list"}>
            {files.map((f) => <li key={f.id}>{type === "pictures" ? <Tile file={f} onOpen={open} /> : <FileRow file={f} room={room.id} onOpen={open} />}</li>)}
          </ul>
        )}
        {next && <button type="button" class="button more" onClick={() => void load(next)}>{words.more}</button>}
      </div>
    </Modal>
  );
}

function Tile({ file, onOpen }: { file: RoomFile; onOpen: (f: RoomFile) => void }): JSX.Element {
  const [broken, setBroken] = useState(false);
  return (
    <button type="button" class="tile plain" aria-label={words.enlarge(file.name)} onClick={() => onOpen(file)}>
      {broken ? <Icon name="image" size={28} /> : <img src={file.preview} alt="" loading="lazy" onError={() => setBroken(true)} />}
    </button>
  );
}

function FileRow({ file, room, onOpen }: { file: RoomFile; room: string; onOpen: (f: RoomFile) => void }): JSX.Element {
  const picture = kindOf(file) === "picture";
  return (
    <div class="file-line">
      <span class="file-icon"><Icon name={iconOf(file.type)} size={22} /></span>
      <span class="file-text">
        {picture ? <button type="button" class="plain file-name" dir="auto" onClick={() => onOpen(file)}>{file.name}</button> : <span class="file-name" dir="auto" title={file.name}>{file.name}</span>}
        <span class="quiet">
          {nameOf(file.author, file.label)} · <a href={roomPath(room, file.message)} onClick={() => show(null)}>{dayAndClock(file.sent)}</a> · {size(file.size)}
        </span>
      </span>
      <a class="icon-button" href={file.url} download={file.name} aria-label={`${words.download}: ${file.name}`} title={words.download}><Icon name="download" /></a>
    </div>
  );
}
