// The pages before one is in: signing in, and choosing a password.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { api, Fault, faultOf } from "../api";
import type { LinkInfo } from "../api.gen";
import { go } from "../route";
import { signIn, usePasswordLink } from "../session";
import { state } from "../state";
import { words } from "../words";
import { Mark } from "./icons";
import { FaultBox, Later } from "./parts";

export const shortestPassword = 10;

function Entry({ title, children }: { title: string; children: ComponentChildren }): JSX.Element {
  useEffect(() => {
    document.title = `${title} · ${words.name}`;
  }, [title]);
  return (
    <main class="entry">
      <div class="entry-box">
        <div class="entry-mark"><Mark size={72} /></div>
        <h1>{title}</h1>
        {children}
      </div>
    </main>
  );
}

interface FieldProps {
  label: string;
  name: string;
  type: "text" | "password";
  complete: string;
  value: string;
  hint?: string;
  focus?: boolean;
  onInput: (value: string) => void;
}

function Field({ label, name, type, complete, value, hint, focus, onInput }: FieldProps): JSX.Element {
  const ref = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (focus) ref.current?.focus();
  }, []);
  const common = {
    ref, id: name, name, value, required: true, autocomplete: complete, autocapitalize: "none" as const, spellcheck: false,
    "aria-describedby": hint ? name + "-hint" : undefined,
    onInput: (e: { currentTarget: HTMLInputElement }) => onInput(e.currentTarget.value),
  };
  return (
    <div class="field">
      <label for={name}>{label}</label>
      {hint && <p class="quiet" id={name + "-hint"}>{hint}</p>}
      {type === "password" ? <input type="password" {...common} /> : <input type="text" {...common} />}
    </div>
  );
}

// useSubmit runs an action once at a time and keeps what went wrong.
function useSubmit(action: () => Promise<void>): { busy: boolean; fault: Fault | null; submit: (e: Event) => void } {
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<Fault | null>(null);
  const submit = (e: Event) => {
    e.preventDefault();
    if (busy) return;
    setBusy(true);
    setFault(null);
    action().catch((x: unknown) => setFault(faultOf(x))).finally(() => setBusy(false));
  };
  return { busy, fault, submit };
}

export function SignIn(): JSX.Element {
  const [login, setLogin] = useState("");
  const [password, setPassword] = useState("");
  const { busy, fault, submit } = useSubmit(() => signIn(login.trim(), password));
  return (
    <Entry title={words.signInTo}>
      <p class="entry-lead">{words.signInLead}</p>
      {state.notice.value && <p class="notice" role="status">{state.notice.value}</p>}
      {fault && <FaultBox fault={fault} />}
      <form onSubmit={submit}>
        <Field label={words.login} name="login" type="text" complete="username" value={login} focus onInput={setLogin} />
        <Field label={words.password} name="password" type="password" complete="current-password" value={password} onInput={setPassword} />
        <button type="submit" class="button primary wide" disabled={busy}>{words.signIn}</button>
      </form>
      <p class="quiet entry-help">{words.signInHelp}</p>
    </Entry>
  );
}

export function PasswordLink({ secret }: { secret: string }): JSX.Element {
  const [info, setInfo] = useState<LinkInfo | null>(null);
  const [bad, setBad] = useState<Fault | null>(null);
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  useEffect(() => {
    api.link(secret).then(setInfo, (e: unknown) => setBad(faultOf(e)));
  }, [secret]);
  const { busy, fault, submit } = useSubmit(async () => {
    if ([...password].length < shortestPassword) throw new Fault("invalid", words.passwordShort(shortestPassword));
    if (password !== again) throw new Fault("invalid", words.passwordsDiffer);
    await usePasswordLink(secret, password);
    go("/", true);
  });
  if (bad) {
    const usual = bad.kind === "not-found" || bad.kind === "unknown" || bad.kind === "denied";
    return (
      <Entry title={words.linkBad}>
        <FaultBox fault={usual ? new Fault(bad.kind, bad.message, bad.hint || words.linkBadHint) : bad} />
        <a class="button wide" href="/">{words.toSignIn}</a>
      </Entry>
    );
  }
  if (!info) return <main class="entry"><Later><p role="status">{words.loading}</p></Later></main>;
  return (
    <Entry title={words.linkTitle}>
      <p class="entry-lead">{words.linkLead(info.name)}</p>
      {fault && <FaultBox fault={fault} />}
      <form onSubmit={submit}>
        <input type="text" name="username" autocomplete="username" value={info.email} readOnly class="entry-email" aria-label={words.email} />
        <Field label={words.newPassword} name="new-password" type="password" complete="new-password" value={password} focus hint={words.passwordRule(shortestPassword)} onInput={setPassword} />
        <Field label={words.repeatPassword} name="repeat-password" type="password" complete="new-password" value={again} onInput={setAgain} />
        <button type="submit" class="button primary wide" disabled={busy}>{words.setPassword}</button>
      </form>
    </Entry>
  );
}
