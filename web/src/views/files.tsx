// Files in messages: pictures, sound and films in place, the rest as cards.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { File, Message } from "../api.gen";
import { size } from "../time";
import { show } from "../ui";
import { words } from "../words";
import type { IconName } from "./icons";
import { Icon } from "./icons";

const widest = 360;
const highest = 280;

export function kindOf(file: File): "picture" | "sound" | "film" | "other" {
  if (file.missing || !file.url) return "other";
  const type = file.type ?? "";
  if (file.preview) return "picture";
  if (type.startsWith("audio/") || type === "application/ogg" || (type === "video/mp4" && /\.m4[ab]$/i.test(file.name))) return "sound";
  if (type.startsWith("video/")) return "film";
  return "other";
}

export const iconOf = (type = ""): IconName =>
  type.startsWith("image/") ? "image" : type.startsWith("audio/") ? "sound" : type.startsWith("video/") ? "video" : "file";

export function Files({ message }: { message: Message }): JSX.Element | null {
  if (!message.files?.length) return null;
  return (
    <div class="files">
      {message.files.map((f) => <OneFile key={f.id} file={f} message={message} />)}
    </div>
  );
}

function OneFile({ file, message }: { file: File; message: Message }): JSX.Element {
  switch (kindOf(file)) {
    case "picture": return <Preview file={file} message={message} />;
    case "sound": return <FileCard file={file}><audio controls preload="none" src={file.url} aria-label={file.name} /></FileCard>;
    case "film": return (
      <FileCard file={file}>
        <video controls preload="none" src={file.url} width={file.width || undefined} height={file.height || undefined} aria-label={file.name} />
      </FileCard>
    );
    default: return <FileCard file={file} />;
  }
}

// boxOf says how large a picture is drawn, before it is there, so that the
// text around it stays where it is.
function boxOf(file: File): { width: number; height: number } {
  const w = file.width || 240;
  const h = file.height || 180;
  const scale = Math.min(1, widest / w, highest / h);
  return { width: Math.max(32, Math.round(w * scale)), height: Math.max(32, Math.round(h * scale)) };
}

function Preview({ file, message }: { file: File; message: Message }): JSX.Element {
  const [broken, setBroken] = useState(false);
  if (broken) return <FileCard file={file} />;
  const box = boxOf(file);
  return (
    <figure class="preview">
      <button
        type="button" class="preview-button plain" aria-label={words.enlarge(file.name)} style={{ width: box.width, aspectRatio: `${box.width} / ${box.height}` }}
        onClick={() => show({ kind: "picture", message: message.id, file: file.id })}
      >
        {file.type === "image/gif" && <span class="gif-mark" aria-hidden="true">GIF</span>}
        <img src={file.preview} alt="" width={box.width} height={box.height} loading="lazy" onError={() => setBroken(true)} />
      </button>
      <figcaption>
        <a href={file.url} download={file.name} dir="auto">{file.name}</a> <span class="quiet">{size(file.size)}</span>
      </figcaption>
    </figure>
  );
}

function FileCard({ file, children }: { file: File; children?: JSX.Element }): JSX.Element {
  const known = words.fileTypes[file.type ?? ""];
  const ending = /\.([\p{L}\p{N}]{1,6})$/u.exec(file.name)?.[1]?.toUpperCase();
  return (
    <div class={"file" + (file.missing ? " missing" : "")}>
      <div class="file-line">
        <span class="file-icon"><Icon name={file.missing ? "warning" : iconOf(file.type)} size={22} /></span>
        <span class="file-text">
          <span class="file-name" dir="auto" title={file.name}>{file.name}</span>
          <span class="quiet">
            {file.missing ? words.missing : [known ?? words.fileEndings[ending ?? ""] ?? ending ?? words.file, size(file.size)].join(" · ")}
          </span>
        </span>
        {!file.missing && file.url && (
          <a class="icon-button" href={file.url} download={file.name} aria-label={`${words.download}: ${file.name}`} title={words.download}>
            <Icon name="download" />
          </a>
        )}
      </div>
      {children}
    </div>
  );
}
