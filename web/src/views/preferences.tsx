// What a person sets for themselves.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { accounts, isOn, pref, setPrefs } from "../accounts";
import { faultOf, type Fault } from "../api";
import type { Account } from "../api.gen";
import { setLanguage } from "../language";
import { signOut } from "../session";
import { state } from "../state";
import { dayAndClock } from "../time";
import { say, show } from "../ui";
import { words } from "../words";
import { PageFrame } from "./directory";
import { Choice, Field, Form } from "./form";
import { Icon } from "./icons";
import { AllowNotifications } from "./notifications";
import { AvatarEditor } from "./avatar";
import { Avatar, FaultBox, Skeleton } from "./parts";
import { Password, SecondStep, Sessions } from "./security";

const themes: [string, string][] = [["system", words.system], ["light", words.light], ["dark", words.dark]];
const entries = (table: Record<string, string>) => Object.entries(table);

const failed = (e: unknown) => say(faultOf(e).message);
const set = (name: string) => (value: string) => void setPrefs({ [name]: value }).catch(failed);

export function PreferencesPage(): JSX.Element {
  const [account, setAccount] = useState<Account | null>(null);
  const [fault, setFault] = useState<Fault | null>(null);
  const look = () => accounts.account().then(setAccount, (e: unknown) => setFault(faultOf(e)));
  useEffect(() => void look(), []);
  return (
    <PageFrame title={words.preferences}>
      <Profile />
      <Appearance />
      <Notifications />
      {fault && <FaultBox fault={fault} />}
      {!account && !fault && <Skeleton />}
      {account && <Password account={account} />}
      {account && <SecondStep account={account} changed={look} />}
      {account && <Sessions />}
      <Imported />
      <section class="panel buttons">
        <button type="button" class="button" onClick={() => show({ kind: "help" })}><Icon name="help" /> {words.help}</button>
        <button type="button" class="button" onClick={() => void signOut().catch(failed)}><Icon name="out" /> {words.signOut}</button>
      </section>
    </PageFrame>
  );
}

const zones = (): string[] => {
  try {
    return Intl.supportedValuesOf("timeZone");
  } catch {
    return []; // an older browser; the name can be typed
  }
};

function Profile(): JSX.Element | null {
  const me = state.start.value?.me;
  const [name, setName] = useState(me?.name ?? "");
  const [mention, setMention] = useState(me?.mention ?? "");
  const [title, setTitle] = useState(me?.title ?? "");
  const [zone, setZone] = useState(me?.zone ?? "");
  if (!me) return null;
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return (
    <section class="panel">
      <h2>{words.profile}</h2>
      <div class="me-panel">
        <Avatar person={me} name={me.name} size={64} />
        <AvatarEditor person={me} />
        <dl class="facts">
          <div><dt>{words.email}</dt><dd>{me.email}</dd></div>
          <div><dt>{words.role}</dt><dd>{words.roles[me.role] ?? me.role}</dd></div>
        </dl>
      </div>
      <Form send={words.save} action={async () => {
        const next = await accounts.edit({ name, mention, title, zone });
        const start = state.start.value;
        if (start) state.start.value = { ...start, me: next };
        say(words.saved);
      }}>
        <div class="fields">
          <Field label={words.fullName} name="name" complete="name" value={name} onInput={setName} />
          <Field label={words.jobTitle} name="title" complete="organization-title" value={title} optional onInput={setTitle} />
          <Field label={words.mention} name="mention" value={mention} optional hint={words.mentionRule} onInput={setMention} />
          <Field label={words.zone} name="zone" value={zone} optional hint={words.zoneRule} list={zones()} onInput={setZone} />
        </div>
        {here && zone !== here && <button type="button" class="small-button" onClick={() => setZone(here)}>{words.zoneHere(here)}</button>}
      </Form>
    </section>
  );
}

function Appearance(): JSX.Element {
  return (
    <section class="panel">
      <h2>{words.appearance}</h2>
      <fieldset class="themes">
        <legend class="off-screen">{words.theme}</legend>
        {themes.map(([value, text]) => (
          <label key={value} class="check">
            <input type="radio" name="theme" value={value} checked={(pref("theme") || "system") === value} onChange={() => set("theme")(value)} /> {text}
          </label>
        ))}
      </fieldset>
      <div class="fields">
        <Choice label={words.density} name="density" value={pref("density")} choices={entries(words.densities)} onChange={set("density")} />
        <Choice label={words.view} name="view" value={pref("view")} choices={entries(words.views)} onChange={set("view")} />
        <Choice label={words.names} name="names" value={pref("names")} choices={entries(words.nameKinds)} onChange={set("names")} />
        <Choice label={words.language} name="language" value={pref("language")} choices={entries(words.languages)} hint={words.languageLead}
          onChange={(v) => void setPrefs({ language: v }).then(() => setLanguage(v), failed)} />
      </div>
    </section>
  );
}

const switches = [["desktop", words.desktopPref], ["push", words.pushPref], ["sound", words.soundPref], ["preview", words.previewPref], ["mail", words.mailPref]] as const;

function Notifications(): JSX.Element {
  return (
    <section class="panel">
      <h2>{words.notifications}</h2>
      <Choice label={words.notifyLevel} name="notify" value={pref("notify")} choices={entries(words.notifyLevels)} hint={words.notifyLead} onChange={set("notify")} />
      <div class="checks">
        {switches.map(([name, text]) => (
          <label key={name} class="check">
            <input type="checkbox" name={name} checked={isOn(name)} onChange={(e) => set(name)(e.currentTarget.checked ? "on" : "off")} /> {text}
          </label>
        ))}
      </div>
      <AllowNotifications />
      <Pause />
      <QuietHours />
    </section>
  );
}

function Pause(): JSX.Element {
  const until = Number(pref("pause")) || 0;
  if (until > Date.now() * 1000) {
    return (
      <p class="line" role="status">
        {words.pausedUntil(dayAndClock(until))} <button type="button" class="button" onClick={() => set("pause")("")}>{words.pauseEnd}</button>
      </p>
    );
  }
  const start = (value: string) => {
    const end = new Date();
    if (value === "tomorrow") {
      end.setDate(end.getDate() + 1);
      end.setHours(8, 0, 0, 0);
    } else end.setMinutes(end.getMinutes() + Number(value));
    set("pause")(String(end.getTime() * 1000));
  };
  return (
    <div class="buttons" role="group" aria-label={words.pause}>
      <span class="label">{words.pause}</span>
      {entries(words.pauseFor).map(([value, text]) => <button key={value} type="button" class="button" onClick={() => start(value)}>{text}</button>)}
    </div>
  );
}

function QuietHours(): JSX.Element {
  const [from = "", to = ""] = pref("quiet").split("-");
  const days = pref("quiet-on").split(" ").filter(Boolean);
  const zone = state.start.value?.me.zone || "UTC";
  const change = (a: string, b: string) => {
    if (a && b && a !== b) set("quiet")(`${a}-${b}`);
  };
  return (
    <div class="quiet-hours">
      <label class="check">
        <input type="checkbox" name="quiet" checked={from !== ""} onChange={(e) => set("quiet")(e.currentTarget.checked ? "22:00-07:00" : "")} /> {words.quietHours}
      </label>
      {from !== "" && (
        <>
          <p class="quiet">{words.quietLead(zone)}</p>
          <div class="fields">
            <Field label={words.quietFrom} name="quiet-from" type="time" value={from} onInput={(v) => change(v, to)} />
            <Field label={words.quietTo} name="quiet-to" type="time" value={to} onInput={(v) => change(from, v)} />
          </div>
          <fieldset class="checks">
            <legend>{words.quietOn}</legend>
            {entries(words.days).map(([day, text]) => (
              <label key={day} class="check">
                <input
                  type="checkbox" name={"quiet-" + day} checked={days.includes(day)}
                  onChange={(e) => set("quiet-on")(Object.keys(words.days).filter((d) => (d === day ? e.currentTarget.checked : days.includes(d))).join(" "))}
                /> {text}
              </label>
            ))}
          </fieldset>
        </>
      )}
    </div>
  );
}

function Imported(): JSX.Element | null {
  const [other, setOther] = useState<[string, string][]>([]);
  useEffect(() => {
    accounts.preferences().then((p) => setOther(Object.entries(p.other ?? {}).sort()), () => undefined);
  }, []);
  if (!other.length) return null;
  return (
    <details class="panel">
      <summary>{words.importedPrefs}</summary>
      <dl class="facts wide">{other.map(([k, v]) => <div key={k}><dt>{k}</dt><dd>{v}</dd></div>)}</dl>
    </details>
  );
}

