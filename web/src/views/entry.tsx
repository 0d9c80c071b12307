// The pages before one is in: signing in, and choosing a password.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { accounts } from "../accounts";
import { api, Fault, faultOf } from "../api";
import type { First, FirstOwner, LinkInfo, PasskeyAnswer, SecondFactor } from "../api.gen";
import { enterByPasskey, hasPasskeys, showPasskey } from "../passkey";
import { go } from "../route";
import { begin, signIn, usePasswordLink } from "../session";
import { state } from "../state";
import { words } from "../words";
import { ActionButton, Field, Form, useSubmit } from "./form";
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

// FirstOrSignIn is the page of whoever is not signed in: an empty place wants
// its owner first.
export function FirstOrSignIn(): JSX.Element {
  const [first, setFirst] = useState<First | null>(null);
  useEffect(() => {
    accounts.first().then(setFirst, () => undefined); // signing in says what is wrong
  }, []);
  return first?.empty ? <FirstPage /> : <SignIn arriving={first?.arriving ? first.place || words.name : ""} />;
}

function FirstPage(): JSX.Element {
  const [owner, setOwner] = useState<FirstOwner>({ code: "", name: "", email: "", place: "", password: "" });
  const set = (name: keyof FirstOwner) => (value: string) => setOwner((o) => ({ ...o, [name]: value }));
  return (
    <Entry title={words.firstTitle}>
      <p class="entry-lead">{words.firstLead}</p>
      <Form send={words.firstMake} action={async () => {
        if ([...owner.password].length < shortestPassword) throw new Fault("invalid", words.passwordShort(shortestPassword));
        await accounts.makeFirst(owner);
        await begin();
      }}>
        <Field label={words.firstCode} name="code" value={owner.code} focus onInput={set("code")} />
        <Field label={words.firstPlace} name="place" value={owner.place ?? ""} optional onInput={set("place")} />
        <Field label={words.fullName} name="name" complete="name" value={owner.name} onInput={set("name")} />
        <Field label={words.email} name="email" type="email" complete="username" value={owner.email} onInput={set("email")} />
        <Field label={words.newPassword} name="password" type="password" complete="new-password" value={owner.password} hint={words.passwordRule(shortestPassword)} onInput={set("password")} />
      </Form>
      {!isSecureContext && <p class="notice">{words.firstHTTP}</p>}
    </Entry>
  );
}

export function SignIn({ arriving = "" }: { arriving?: string }): JSX.Element {
  const [login, setLogin] = useState("");
  const [password, setPassword] = useState("");
  const [second, setSecond] = useState<SecondFactor | null>(null);
  const { busy, fault, submit } = useSubmit(async () => setSecond(await signIn(login.trim(), password) ?? null));
  const passkey = useSubmit(async () => {
    await enterByPasskey();
    await begin();
  });
  if (second) return <SecondStep second={second} enter={async (more) => setSecond(await signIn(login.trim(), password, more) ?? second)} onBack={() => setSecond(null)} />;
  return (
    <Entry title={words.signInTo}>
      {arriving ? <p class="notice">{words.arrivingHere(arriving)}</p> : <p class="entry-lead">{words.signInLead}</p>}
      {state.notice.value && <p class="notice" role="status">{state.notice.value}</p>}
      {(fault ?? passkey.fault) && <FaultBox fault={(fault ?? passkey.fault)!} />}
      <form onSubmit={submit}>
        <Field label={words.login} name="login" complete="username" value={login} focus onInput={setLogin} />
        <Field label={words.password} name="password" type="password" complete="current-password" value={password} onInput={setPassword} />
        <button type="submit" class="button primary wide" disabled={busy}>{words.signIn}</button>
      </form>
      {isSecureContext && hasPasskeys() && <button type="button" class="button wide" disabled={passkey.busy} onClick={() => passkey.submit()}>{words.passkeySignIn}</button>}
      <p class="quiet entry-help">{words.signInHelp}</p>
    </Entry>
  );
}

interface SecondProps {
  second: SecondFactor;
  enter: (more: { code?: string; passkey?: PasskeyAnswer }) => Promise<void>;
  onBack: () => void;
}

function SecondStep({ second, enter, onBack }: SecondProps): JSX.Element {
  const [code, setCode] = useState("");
  const { passkey } = second;
  return (
    <Entry title={words.secondTitle}>
      {passkey && <ActionButton class="primary wide" text={words.passkeyUse} action={async () => enter({ passkey: await showPasskey(passkey) })} />}
      {second.codes && (
        <Form send={words.signIn} action={() => enter({ code: code.trim() })}>
          <Field label={words.secondCode} name="one-time-code" complete="one-time-code" value={code} focus hint={words.secondCodeHint} onInput={setCode} />
        </Form>
      )}
      {!passkey && !second.codes && <p class="notice">{words.secondNone}</p>}
      <button type="button" class="button wide" onClick={onBack}>{words.secondBack}</button>
    </Entry>
  );
}

// Unsubscribe stops mails for whoever has the address from one of them.
export function Unsubscribe({ token }: { token: string }): JSX.Element {
  const [done, setDone] = useState(false);
  return (
    <Entry title={words.unsubscribeTitle}>
      <p class="entry-lead">{done ? words.unsubscribed : words.unsubscribeLead}</p>
      {!done && <ActionButton class="primary wide" text={words.unsubscribe} action={async () => {
        await accounts.unsubscribe(token);
        setDone(true);
      }} />}
      <a class="button wide" href="/">{words.toStart}</a>
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
