// Small parts that many views use.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Person, Room } from "../api.gen";
import type { Fault } from "../api";
import { fold } from "../find";
import { otherOf, personOf, state } from "../state";
import { words } from "../words";
import { Icon, type IconName } from "./icons";

// hueOf gives a name a colour of its own that never changes.
function hueOf(id: string): number {
  let h = 0;
  for (const c of id) h = (h * 31 + c.codePointAt(0)!) >>> 0;
  return (h % 24) * 15;
}

function initials(name: string): string {
  const parts = name.split(/[\s._-]+/u).filter((p) => /[\p{L}\p{N}]/u.test(p));
  const letter = (s: string | undefined) => (s ? [...s].find((c) => /[\p{L}\p{N}]/u.test(c)) ?? "" : "");
  const first = letter(parts[0]);
  if (/[^\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{N}]/u.test(first)) return first;
  return (first + letter(parts.length > 1 ? parts.at(-1) : undefined)).toUpperCase();
}

interface AvatarProps {
  person: Person | undefined;
  name: string;
  size?: number;
  bot?: boolean;
}

export function Avatar({ person, name, size = 36, bot }: AvatarProps): JSX.Element {
  const [broken, setBroken] = useState(false);
  const style = { width: size, height: size, fontSize: Math.round(size * 0.4), "--hue": hueOf(person?.id ?? fold(name)) };
  const kind = "avatar" + (bot ? " bot" : "") + (person?.off ? " off" : "");
  if (person?.avatar && !broken) {
    return <img class={kind} style={style} src={person.avatar} alt="" loading="lazy" onError={() => setBroken(true)} />;
  }
  return <span class={kind} style={style} aria-hidden="true">{initials(name) || "?"}</span>;
}

export function RoomIcon({ room, size = 18 }: { room: Room; size?: number }): JSX.Element {
  const other = otherOf(room);
  if (room.type === "direct") {
    const person = other ?? state.start.value?.me;
    return <Present person={person}><Avatar person={person} name={person?.name ?? ""} size={size + 2} /></Present>;
  }
  const name: IconName = room.state ? "archive" : room.type === "group" ? "people" : room.type === "private" ? "lock" : "hash";
  return <Icon name={name} size={size} />;
}

// Present puts a dot beside a person's picture: full if they are here, hollow
// if they are away. The shape says it, not the colour alone.
export function Present({ person, children }: { person: Person | undefined; children: ComponentChildren }): JSX.Element {
  const is = person ? state.presence.value.get(person.id) : undefined;
  const word = is && words.presence[is];
  return (
    <span class="present">
      {children}
      {word && <span class={"presence " + is} role="img" aria-label={word} title={word} />}
    </span>
  );
}

// Name is a person's name that opens what is known of them.
export function Name({ id, label }: { id: string | undefined; label?: string | undefined }): JSX.Element {
  const person = personOf(id);
  const name = person?.name || label || words.someone;
  if (!person) return <span class="name" dir="auto">{name}</span>;
  return (
    <button type="button" class="name plain" dir="auto" onClick={(e) => openCard(person.id, e.currentTarget)}>
      {name}
    </button>
  );
}

export function openCard(person: string, at: Element): void {
  const box = at.getBoundingClientRect();
  state.card.value = { person, x: box.left, y: box.bottom };
}

export function FaultBox({ fault, children }: { fault: Fault; children?: ComponentChildren }): JSX.Element {
  return (
    <div class="fault" role="alert">
      <Icon name="warning" />
      <div>
        <p>{fault.message}</p>
        {fault.hint && <p class="quiet">{fault.hint}</p>}
        {children}
      </div>
    </div>
  );
}

// Later draws its children only after a moment, so that what is quick does
// not flicker.
export function Later({ children, ms = 300 }: { children: ComponentChildren; ms?: number }): JSX.Element | null {
  const [now, setNow] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setNow(true), ms);
    return () => clearTimeout(timer);
  }, []);
  return now ? <>{children}</> : null;
}

const lines = [64, 82, 45, 71, 58, 90, 38, 66];

export function Skeleton({ rows = 6 }: { rows?: number }): JSX.Element {
  return (
    <Later>
      <div class="skeletons" role="status" aria-label={words.loading}>
        {Array.from({ length: rows }, (_, i) => (
          <div class="skeleton" key={i}>
            <span class="bone round" />
            <span class="bones">
              <span class="bone" style={{ width: "7rem" }} />
              <span class="bone" style={{ width: lines[i % lines.length] + "%" }} />
            </span>
          </div>
        ))}
      </div>
    </Later>
  );
}

// Empty says that there is nothing, and what can be done. Top: it is all that
// the page has.
export function Empty({ icon, title, top, children }: { icon: IconName; title: string; top?: boolean; children?: ComponentChildren }): JSX.Element {
  return (
    <div class="empty">
      <Icon name={icon} size={32} />
      {top ? <h1>{title}</h1> : <h2>{title}</h2>}
      {children}
    </div>
  );
}

interface ModalProps {
  title: string;
  class?: string;
  hideTitle?: boolean;
  onClose: () => void;
  children: ComponentChildren;
}

// Modal is a dialog over the page. Escape, the cross and a click beside it
// close it; the focus goes back to where it was.
export function Modal({ title, class: kind = "", hideTitle, onClose, children }: ModalProps): JSX.Element {
  const ref = useRef<HTMLDialogElement>(null);
  // Before the next key is typed: it belongs to the dialog.
  useLayoutEffect(() => {
    const before = document.activeElement;
    const dialog = ref.current;
    dialog?.showModal();
    return () => {
      dialog?.close(); // else all around it cannot take the focus yet
      const back = before?.isConnected && before !== document.body ? before : document.getElementById("composer");
      if (back instanceof HTMLElement) back.focus();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      class={"modal " + kind}
      aria-label={title}
      onCancel={(e) => {
        e.preventDefault();
        onClose();
      }}
      onPointerDown={(e) => {
        if (e.target === ref.current) onClose();
      }}
    >
      <div class="modal-box">
        {!hideTitle && (
          <header class="modal-head">
            <h2>{title}</h2>
            <IconButton icon="close" label={words.close} onClick={onClose} />
          </header>
        )}
        {children}
      </div>
    </dialog>
  );
}

interface IconButtonProps {
  icon: IconName;
  label: string;
  onClick: () => void;
  class?: string;
  pressed?: boolean;
}

export function IconButton({ icon, label, onClick, class: kind = "", pressed }: IconButtonProps): JSX.Element {
  return (
    <button type="button" class={"icon-button " + kind} aria-label={label} title={label} aria-pressed={pressed} onClick={onClick}>
      <Icon name={icon} />
    </button>
  );
}
