// Parts of forms: a labelled field, a form that is sent once at a time.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { faultOf, type Fault } from "../api";
import { FaultBox } from "./parts";

interface FieldProps {
  label: string;
  name: string;
  type?: "text" | "password" | "email" | "number" | "time" | "datetime-local";
  complete?: string;
  value: string;
  hint?: string;
  focus?: boolean;
  optional?: boolean;
  list?: string[];
  onInput: (value: string) => void;
}

export function Field({ label, name, type = "text", complete = "off", value, hint, focus, optional, list, onInput }: FieldProps): JSX.Element {
  const ref = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (focus) ref.current?.focus();
  }, []);
  return (
    <div class="field">
      <label for={name}>{label}</label>
      {hint && <p class="quiet" id={name + "-hint"}>{hint}</p>}
      <input
        ref={ref} id={name} name={name} type={type as "text"} value={value} required={!optional} autocomplete={complete as "off"} autocapitalize="none" spellcheck={false}
        aria-describedby={hint ? name + "-hint" : undefined} list={list ? name + "-list" : undefined} onInput={(e) => onInput(e.currentTarget.value)}
      />
      {list && <datalist id={name + "-list"}>{list.map((v) => <option key={v} value={v} />)}</datalist>}
    </div>
  );
}

interface ChoiceProps {
  label: string;
  name: string;
  value: string;
  hint?: string;
  choices: [string, string][]; // value, text
  onChange: (value: string) => void;
}

export function Choice({ label, name, value, hint, choices, onChange }: ChoiceProps): JSX.Element {
  return (
    <div class="field">
      <label for={name}>{label}</label>
      {hint && <p class="quiet" id={name + "-hint"}>{hint}</p>}
      <select id={name} value={value} aria-describedby={hint ? name + "-hint" : undefined} onChange={(e) => onChange(e.currentTarget.value)}>
        {choices.map(([v, text]) => <option key={v} value={v}>{text}</option>)}
      </select>
    </div>
  );
}

// useSubmit runs an action once at a time and keeps what went wrong.
export function useSubmit(action: () => Promise<unknown>): { busy: boolean; fault: Fault | null; submit: (e?: Event) => void } {
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<Fault | null>(null);
  const submit = (e?: Event) => {
    e?.preventDefault();
    if (busy) return;
    setBusy(true);
    setFault(null);
    action().catch((x: unknown) => setFault(faultOf(x))).finally(() => setBusy(false));
  };
  return { busy, fault, submit };
}

interface FormProps {
  action: () => Promise<unknown>;
  send: string;
  primary?: boolean;
  children: ComponentChildren;
}

// Form is fields with one button that sends them.
export function Form({ action, send, primary = true, children }: FormProps): JSX.Element {
  const { busy, fault, submit } = useSubmit(action);
  return (
    <form class="form" onSubmit={submit}>
      {children}
      {fault && <FaultBox fault={fault} />}
      <button type="submit" class={"button" + (primary ? " primary" : "")} disabled={busy}>{send}</button>
    </form>
  );
}

// ActionButton does something that takes a moment and may fail.
export function ActionButton({ action, text, label, class: kind = "" }: { action: () => Promise<unknown>; text: string; label?: string; class?: string }): JSX.Element {
  const { busy, fault, submit } = useSubmit(action);
  return (
    <>
      <button type="button" class={"button " + kind} disabled={busy} aria-label={label} onClick={() => submit()}>{text}</button>
      {fault && <FaultBox fault={fault} />}
    </>
  );
}
