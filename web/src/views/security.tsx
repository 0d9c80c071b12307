// How a person signs in: password, second step, passkeys, sessions.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { accounts } from "../accounts";
import { Fault, faultOf } from "../api";
import type { Account, NewCodes, Passkey, Session } from "../api.gen";
import { hasPasskeys, makePasskey } from "../passkey";
import { begin, signOut } from "../session";
import { dayAndClock, shortDay } from "../time";
import { copy, say } from "../ui";
import { words } from "../words";
import { shortestPassword } from "./entry";
import { ActionButton, Field, Form } from "./form";
import { Icon } from "./icons";
import { FaultBox, Modal, Skeleton } from "./parts";

export function Password({ account }: { account: Account }): JSX.Element {
  const [old, setOld] = useState("");
  const [fresh, setFresh] = useState("");
  const [again, setAgain] = useState("");
  return (
    <details class="panel">
      <summary><h2>{words.changePassword}</h2></summary>
      <Form send={words.changePassword} action={async () => {
        if ([...fresh].length < shortestPassword) throw new Fault("invalid", words.passwordShort(shortestPassword));
        if (fresh !== again) throw new Fault("invalid", words.passwordsDiffer);
        await accounts.changePassword(old, fresh);
        setOld("");
        setFresh("");
        setAgain("");
        say(words.passwordChanged);
      }}>
        <input type="text" name="username" autocomplete="username" value={account.me.email} readOnly hidden />
        {account.password && <Field label={words.oldPassword} name="old-password" type="password" complete="current-password" value={old} onInput={setOld} />}
        <Field label={words.newPassword} name="new-password" type="password" complete="new-password" value={fresh} hint={words.passwordRule(shortestPassword)} onInput={setFresh} />
        <Field label={words.repeatPassword} name="repeat-password" type="password" complete="new-password" value={again} onInput={setAgain} />
      </Form>
    </details>
  );
}

interface StepProps {
  account: Account;
  changed: () => void;
}

// Wish is what waits for the password once more.
type Wish = { what: string; run: (password: string) => Promise<unknown> } | null;

export function SecondStep({ account, changed }: StepProps): JSX.Element {
  const [wish, setWish] = useState<Wish>(null);
  const [offer, setOffer] = useState<NewCodes | null>(null);
  const [recovery, setRecovery] = useState<string[] | null>(null);
  const want = (what: string, run: (password: string) => Promise<unknown>) => () => setWish({ what, run });
  return (
    <section class="panel">
      <h2>{words.secondFactor}</h2>
      <p class="quiet">{words.secondLead}{account.required && " " + words.secondRequired}</p>
      <h3>{words.app}</h3>
      <p>{account.codes ? words.appOn(account.recovery) : words.appOff}</p>
      <div class="buttons">
        {!account.codes && <button type="button" class="button" onClick={want(words.appSet, async (p) => setOffer(await accounts.offerCodes(p)))}>{words.appSet}</button>}
        {account.codes && <button type="button" class="button" onClick={want(words.recoveryNew, async (p) => setRecovery((await accounts.newRecovery(p)).codes))}>{words.recoveryNew}</button>}
        {account.codes && <button type="button" class="button" onClick={want(words.appRemove, (p) => accounts.removeCodes(p).then(changed))}>{words.appRemove}</button>}
      </div>
      <Passkeys account={account} changed={changed} want={want} />
      {wish && <Confirm wish={wish} ask={account.password} onClose={() => setWish(null)} />}
      {offer && (
        <SetUp offer={offer} onClose={() => setOffer(null)} done={(codes) => {
          setOffer(null);
          setRecovery(codes);
        }} />
      )}
      {recovery && (
        <RecoveryCodes codes={recovery} onClose={() => {
          setRecovery(null);
          changed();
        }} />
      )}
    </section>
  );
}

function Confirm({ wish, ask, onClose }: { wish: NonNullable<Wish>; ask: boolean; onClose: () => void }): JSX.Element {
  const [password, setPassword] = useState("");
  return (
    <Modal title={words.confirmTitle} onClose={onClose}>
      <Form send={ask ? words.confirm : wish.what} action={async () => {
        await wish.run(password);
        onClose();
      }}>
        {ask && <p>{words.confirmLead}</p>}
        {ask && <Field label={words.oldPassword} name="confirm-password" type="password" complete="current-password" value={password} focus onInput={setPassword} />}
      </Form>
    </Modal>
  );
}

function SetUp({ offer, done, onClose }: { offer: NewCodes; done: (recovery: string[]) => void; onClose: () => void }): JSX.Element {
  const [code, setCode] = useState("");
  return (
    <Modal title={words.app} onClose={onClose}>
      <p>{words.appScan}</p>
      <img class="qr" src={offer.picture} alt={words.appPicture} width={240} height={240} />
      <div class="copy-line">
        <input readOnly value={offer.secret} aria-label={words.appKey} onFocus={(e) => e.currentTarget.select()} />
        <button type="button" class="button" onClick={() => void copy(offer.secret)}>{words.copy}</button>
      </div>
      <Form send={words.appTurnOn} action={async () => done((await accounts.setCodes(offer.ticket, code)).codes)}>
        <Field label={words.appCode} name="app-code" complete="one-time-code" value={code} focus onInput={setCode} />
      </Form>
    </Modal>
  );
}

function RecoveryCodes({ codes, onClose }: { codes: string[]; onClose: () => void }): JSX.Element {
  return (
    <Modal title={words.recoveryTitle} onClose={onClose}>
      <p>{words.recoveryLead}</p>
      <ul class="recovery">{codes.map((c) => <li key={c}><code>{c}</code></li>)}</ul>
      <div class="buttons">
        <button type="button" class="button" onClick={() => void copy(codes.join("\n"))}>{words.copyAll}</button>
        <button type="button" class="button primary" onClick={onClose}>{words.recoveryKept}</button>
      </div>
    </Modal>
  );
}

interface PasskeysProps extends StepProps {
  want: (what: string, run: (password: string) => Promise<unknown>) => () => void;
}

function Passkeys({ account, changed, want }: PasskeysProps): JSX.Element {
  const [naming, setNaming] = useState<Passkey | null>(null);
  const trouble = account.trouble || (hasPasskeys() ? "" : isSecureContext ? "browser" : "http");
  const list = account.passkeys ?? [];
  return (
    <>
      <h3>{words.passkeys}</h3>
      <p class="quiet">{words.passkeysLead}</p>
      {list.length === 0 && <p>{words.passkeyNone}</p>}
      <ul class="rows">
        {list.map((p) => (
          <li key={p.id}>
            <Icon name="lock" />
            <span class="grow"><b dir="auto">{p.name}</b> <span class="quiet">{[words.passkeyHost(p.host), words.passkeyNew(shortDay(p.created)), p.used ? words.passkeyUsed(dayAndClock(p.used)) : ""].filter(Boolean).join(" · ")}</span></span>
            <button type="button" class="button" aria-label={words.passkeyRename(p.name)} onClick={() => setNaming(p)}>{words.edit}</button>
            <button type="button" class="button" aria-label={words.passkeyRemove(p.name)} onClick={want(words.passkeyRemove(p.name), (w) => accounts.removePasskey(p.id, w).then(changed))}>{words.remove}</button>
          </li>
        ))}
      </ul>
      {trouble ? <p class="notice">{words.passkeyTrouble[trouble] ?? trouble}</p> : (
        <div class="buttons">
          <button type="button" class="button" onClick={want(words.passkeyAdd, async (password) => {
            const answer = await makePasskey(await accounts.offerPasskey(password));
            setNaming(await accounts.addPasskey(answer, ""));
            changed();
          })}>{words.passkeyAdd}</button>
        </div>
      )}
      {naming && (
        <NamePasskey passkey={naming} onClose={() => {
          setNaming(null);
          changed();
        }} />
      )}
    </>
  );
}

function NamePasskey({ passkey, onClose }: { passkey: Passkey; onClose: () => void }): JSX.Element {
  const [name, setName] = useState(passkey.name);
  return (
    <Modal title={words.passkeyName} onClose={onClose}>
      <Form send={words.save} action={async () => {
        await accounts.namePasskey(passkey.id, name);
        onClose();
      }}>
        <Field label={words.passkeyName} name="passkey-name" value={name} focus onInput={setName} />
      </Form>
    </Modal>
  );
}

export function SessionRows({ list, children }: { list: Session[]; children?: (s: Session) => ComponentChildren }): JSX.Element {
  return (
    <ul class="rows">
      {list.map((s) => (
        <li key={s.id}>
          <Icon name={s.phone ? "person" : "panel"} />
          <span class="grow">
            <b>{s.agent}</b> {s.here && <span class="tag">{words.sessionHere}</span>}
            <span class="quiet"> {[words.sessionSince(dayAndClock(s.created)), words.sessionUsed(dayAndClock(s.used))].join(" · ")}</span>
          </span>
          {children?.(s)}
        </li>
      ))}
    </ul>
  );
}

export function Sessions(): JSX.Element {
  const [list, setList] = useState<Session[] | null>(null);
  const [fault, setFault] = useState<Fault | null>(null);
  const look = () => accounts.sessions().then((s) => setList(s.sessions ?? []), (e: unknown) => setFault(faultOf(e)));
  useEffect(() => void look(), []);
  return (
    <section class="panel">
      <h2>{words.sessionsTitle}</h2>
      <p class="quiet">{words.sessionsLead}</p>
      {fault && <FaultBox fault={fault} />}
      {list && (
        <SessionRows list={list}>
          {(s) => !s.here && <ActionButton text={words.end} label={words.sessionEnd(s.agent)} action={() => accounts.endSession(s.id).then(look)} />}
        </SessionRows>
      )}
      {list && list.length > 1 && (
        <div class="buttons">
          <ActionButton text={words.sessionsEnd} action={async () => {
            const { ended } = await accounts.endOthers();
            say(words.sessionsEnded(ended));
            await look();
          }} />
        </div>
      )}
    </section>
  );
}

// LimitedPage is all that is shown to whoever must set up a second step first.
export function LimitedPage(): JSX.Element {
  const [account, setAccount] = useState<Account | null>(null);
  const look = () => accounts.account().then(setAccount, () => void begin());
  useEffect(() => void look(), []);
  return (
    <main class="page">
      <div class="page-inner">
        <h1>{words.limitedTitle}</h1>
        <p>{words.limitedLead}</p>
        {account ? <SecondStep account={account} changed={look} /> : <Skeleton />}
        <div class="buttons">
          {account && !account.limited && <button type="button" class="button primary" onClick={() => void begin()}>{words.limitedGo}</button>}
          <button type="button" class="button" onClick={() => void signOut()}><Icon name="out" /> {words.signOut}</button>
        </div>
      </div>
    </main>
  );
}
