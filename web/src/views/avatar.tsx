// A picture of oneself: chosen, moved and enlarged until the square fits, by
// mouse, finger or keys.
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { call, Fault, faultOf } from "../api";
import type { Person } from "../api.gen";
import { apply } from "../apply";
import { state } from "../state";
import { say } from "../ui";
import { words } from "../words";
import { FaultBox, Modal } from "./parts";
import "../style/avatar.css";

const frame = 280; // px on the screen
const made = 512; // px that are sent
const mostZoom = 5;

// AvatarEditor is for the profile page: buttons that choose and take away.
export function AvatarEditor({ person }: { person: Person }): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  const [image, setImage] = useState<ImageBitmap | null>(null);
  const [fault, setFault] = useState<Fault | null>(null);
  const path = `/people/${encodeURIComponent(person.id)}/avatar`;
  const take = (p: Person) => apply({ type: "person", person: p });
  const choose = async (file: File | undefined) => {
    if (!file) return;
    setFault(null);
    try {
      setImage(await createImageBitmap(file));
    } catch {
      setFault(new Fault("invalid", words.noPicture(file.name), words.noPictureHint));
    }
  };
  const remove = async () => {
    try {
      take(await call<Person>("DELETE", path));
      say(words.pictureRemoved);
    } catch (e) {
      setFault(faultOf(e));
    }
  };
  return (
    <div class="avatar-editor">
      <input
        ref={input} type="file" accept="image/*" hidden aria-hidden="true" tabIndex={-1} onChange={(e) => {
          void choose(e.currentTarget.files?.[0]);
          e.currentTarget.value = "";
        }}
      />
      <button type="button" class="button" onClick={() => input.current?.click()}>{person.avatar ? words.changePicture : words.addPicture}</button>
      {person.avatar && <button type="button" class="button" onClick={() => void remove()}>{words.removePicture}</button>}
      {fault && <FaultBox fault={fault} />}
      {image && <Crop image={image} path={path} onDone={(p) => {
        setImage(null);
        if (p) take(p);
      }} />}
    </div>
  );
}

interface Place {
  x: number; // of the picture's middle, in parts of the frame
  y: number;
  zoom: number;
}

// within keeps the frame full of picture.
function within(p: Place, image: ImageBitmap): Place {
  const zoom = Math.min(mostZoom, Math.max(1, p.zoom));
  const short = Math.min(image.width, image.height);
  const most = (side: number) => ((side / short) * zoom - 1) / 2;
  const clamp = (v: number, m: number) => Math.min(m, Math.max(-m, v));
  return { zoom, x: clamp(p.x, most(image.width)), y: clamp(p.y, most(image.height)) };
}

function draw(canvas: HTMLCanvasElement, image: ImageBitmap, p: Place): void {
  const c = canvas.getContext("2d");
  if (!c) return;
  const side = canvas.width;
  const scale = (side / Math.min(image.width, image.height)) * p.zoom;
  c.clearRect(0, 0, side, side);
  c.imageSmoothingQuality = "high";
  c.drawImage(image, side / 2 + p.x * side - (image.width * scale) / 2, side / 2 + p.y * side - (image.height * scale) / 2, image.width * scale, image.height * scale);
}

const arrows: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function Crop({ image, path, onDone }: { image: ImageBitmap; path: string; onDone: (p: Person | null) => void }): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [place, setPlace] = useState<Place>({ x: 0, y: 0, zoom: 1 });
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<Fault | null>(null);
  const held = useRef<{ x: number; y: number } | null>(null);
  useEffect(() => {
    if (canvas.current) draw(canvas.current, image, place);
  }, [place, image]);
  const move = (dx: number, dy: number, zoom = 0) => setPlace((p) => within({ x: p.x + dx, y: p.y + dy, zoom: p.zoom + zoom }, image));
  const save = async () => {
    setBusy(true);
    setFault(null);
    try {
      const blob = await new Promise<Blob | null>((done) => canvas.current?.toBlob(done, "image/png"));
      const answer = await fetch("/api/v1" + path, { method: "PUT", body: blob }).catch(() => null);
      if (!answer) throw new Fault("offline", words.noAnswer, words.noAnswerHint);
      const said = await answer.json() as Person & { text?: string; hint?: string; kind?: string };
      if (!answer.ok) throw new Fault(said.kind ?? "internal", said.text ?? words.badAnswer(answer.status), said.hint);
      say(words.pictureSaved);
      onDone(said);
    } catch (e) {
      setFault(faultOf(e));
      setBusy(false);
    }
  };
  return (
    <Modal title={words.cropTitle} class="crop" onClose={() => onDone(null)}>
      <canvas
        ref={canvas} width={made} height={made} class="crop-frame" style={{ width: frame, height: frame }} tabIndex={0} role="img" aria-label={words.cropFrame}
        onPointerDown={(e) => {
          held.current = { x: e.clientX, y: e.clientY };
          e.currentTarget.setPointerCapture(e.pointerId);
        }}
        onPointerMove={(e) => {
          if (!held.current) return;
          move((e.clientX - held.current.x) / frame, (e.clientY - held.current.y) / frame);
          held.current = { x: e.clientX, y: e.clientY };
        }}
        onPointerUp={() => (held.current = null)} onPointerCancel={() => (held.current = null)}
        onWheel={(e) => {
          e.preventDefault();
          move(0, 0, e.deltaY < 0 ? 0.15 : -0.15);
        }}
        onKeyDown={(e) => {
          const by = arrows[e.key];
          if (by) move(-by[0] * 0.03, -by[1] * 0.03);
          else if (e.key === "+" || e.key === "=") move(0, 0, 0.2);
          else if (e.key === "-") move(0, 0, -0.2);
          else return;
          e.preventDefault();
        }}
      />
      <label class="crop-zoom">
        <span>{words.cropZoom}</span>
        <input type="range" min={1} max={mostZoom} step={0.05} value={place.zoom} onInput={(e) => setPlace((p) => within({ ...p, zoom: Number(e.currentTarget.value) }, image))} />
      </label>
      <p class="quiet">{words.cropHint}</p>
      {fault && <FaultBox fault={fault} />}
      <div class="crop-foot">
        <button type="button" class="button" onClick={() => onDone(null)}>{words.cancel}</button>
        <button type="button" class="button primary" disabled={busy || !state.online.value} onClick={() => void save()}>{words.savePicture}</button>
      </div>
    </Modal>
  );
}
