// What goes with the next message: chosen, dropped or pasted files, how far
// they are, and what went wrong with them.
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { size } from "../time";
import { say } from "../ui";
import { again, attach, cancel, retry, uploads, type Sending } from "../uploads";
import { words } from "../words";
import { iconOf } from "./files";
import { Icon } from "./icons";
import { IconButton } from "./parts";
import "../style/attachments.css";

// attached says what a composer has to know of its files.
export function attached(place: string): { count: number; ready: boolean } {
  const mine = uploads.value.filter((u) => u.place === place);
  return { count: mine.length, ready: mine.every((u) => u.state === "done") };
}

// pasteFiles takes files out of the clipboard, if it has no text: what is
// copied in a spreadsheet comes with a picture of it.
export function pasteFiles(e: ClipboardEvent, place: string): void {
  const data = e.clipboardData;
  if (!data?.files.length || data.types.includes("text/plain")) return;
  e.preventDefault();
  attach(place, [...data.files]);
}

export function AttachButton({ place }: { place: string }): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input} type="file" multiple hidden aria-hidden="true" tabIndex={-1} onChange={(e) => {
          attach(place, [...(e.currentTarget.files ?? [])]);
          e.currentTarget.value = "";
        }}
      />
      <IconButton icon="clip" label={words.attachFiles} class="attach" onClick={() => input.current?.click()} />
    </>
  );
}

// Pictures that cameras write notes into.
const photos = new Set(["image/jpeg", "image/heic", "image/heif", "image/tiff"]);

export function Attachments({ place }: { place: string }): JSX.Element | null {
  const list = uploads.value.filter((u) => u.place === place);
  if (!list.length) return null;
  return (
    <>
      <ul class="attachments" aria-label={words.attachments}>
        {list.map((u) => <One key={u.key} upload={u} />)}
      </ul>
      {list.some((u) => photos.has(u.type)) && <p class="quiet attach-note">{words.photoNote}</p>}
    </>
  );
}

function stateOf(u: Sending): string {
  switch (u.state) {
    case "done": return size(u.size);
    case "failed": return [u.fault?.message, u.fault?.hint].filter(Boolean).map((t) => t?.replace(/[.]?$/, ".")).join(" ");
    case "waiting": return words.waiting;
    default: return u.fault ? words.goesOn : words.sentOf(size(u.sent), size(u.size));
  }
}

function One({ upload: u }: { upload: Sending }): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  const [broken, setBroken] = useState(false);
  return (
    <li class={"attachment " + u.state}>
      <span class="attachment-picture">
        {u.picture && !broken ? <img src={u.picture} alt="" onError={() => setBroken(true)} /> : <Icon name={u.state === "failed" ? "warning" : iconOf(u.type)} size={22} />}
      </span>
      <span class="file-text">
        <span class="file-name" dir="auto" title={u.name}>{u.name}</span>
        <span class="quiet" role={u.state === "failed" ? "alert" : undefined}>{stateOf(u)}</span>
        {(u.state === "sending" || u.state === "waiting") && <progress max={u.size || 1} value={u.sent} aria-label={words.progressOf(u.name)} />}
      </span>
      {u.state === "failed" && (u.file ? (
        <button type="button" class="small-button" onClick={() => retry(u.key)} aria-label={`${words.tryAgain}: ${u.name}`}>{words.tryAgain}</button>
      ) : (
        <>
          <input
            ref={input} type="file" hidden aria-hidden="true" tabIndex={-1} onChange={(e) => {
              const file = e.currentTarget.files?.[0];
              if (file) again(u.key, file);
            }}
          />
          <button type="button" class="small-button" onClick={() => input.current?.click()} aria-label={`${words.choose}: ${u.name}`}>{words.choose}</button>
        </>
      ))}
      <IconButton icon="close" label={words.takeOut(u.name)} onClick={() => cancel(u.key)} />
    </li>
  );
}

// DropZone lets files fall anywhere on the page while a room is open.
export function DropZone({ place, name }: { place: string; name: string }): JSX.Element | null {
  const [over, setOver] = useState(false);
  useEffect(() => {
    let timer = 0;
    const has = (e: DragEvent) => e.dataTransfer?.types.includes("Files") ?? false;
    const drag = (e: DragEvent) => {
      if (!has(e)) return;
      e.preventDefault();
      // A page is not told that a drag has left it; it is told of nothing more.
      clearTimeout(timer);
      timer = window.setTimeout(() => setOver(false), 400);
      setOver(true);
      if (e.dataTransfer) e.dataTransfer.dropEffect = "copy";
    };
    const drop = (e: DragEvent) => {
      if (!has(e) || !e.dataTransfer) return;
      e.preventDefault();
      clearTimeout(timer);
      setOver(false);
      const folders = new Set([...e.dataTransfer.items].filter((i) => i.webkitGetAsEntry?.()?.isDirectory).map((i) => i.webkitGetAsEntry()?.name));
      if (folders.size) say(words.noFolders);
      attach(place, [...e.dataTransfer.files].filter((f) => !folders.has(f.name)));
      document.getElementById("composer")?.focus();
    };
    document.addEventListener("dragover", drag);
    document.addEventListener("dragenter", drag);
    document.addEventListener("drop", drop);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("dragover", drag);
      document.removeEventListener("dragenter", drag);
      document.removeEventListener("drop", drop);
    };
  }, [place]);
  if (!over) return null;
  return <div class="drop-zone" aria-hidden="true"><span><Icon name="clip" size={32} />{words.dropHere(name)}</span></div>;
}
