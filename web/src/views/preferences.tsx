// What a person sets for themselves.
import type { JSX } from "preact";
import { signOut } from "../session";
import { faultOf } from "../api";
import { state } from "../state";
import { say, show } from "../ui";
import { words } from "../words";
import { PageFrame } from "./directory";
import { Icon } from "./icons";
import { Avatar } from "./parts";

const themes = [["system", words.system], ["light", words.light], ["dark", words.dark]] as const;

export function PreferencesPage(): JSX.Element {
  const me = state.start.value?.me;
  return (
    <PageFrame title={words.preferences}>
      {me && (
        <section class="panel me-panel">
          <Avatar person={me} name={me.name} size={64} />
          <div class="grow">
            <h2 dir="auto">{me.name}</h2>
            <dl class="facts">
              {me.mention && <div><dt>{words.mention}</dt><dd>{me.mention}</dd></div>}
              <div><dt>{words.email}</dt><dd>{me.email}</dd></div>
              <div><dt>{words.role}</dt><dd>{words.roles[me.role] ?? me.role}</dd></div>
              {me.zone && <div><dt>{words.zone}</dt><dd>{me.zone}</dd></div>}
            </dl>
          </div>
        </section>
      )}
      <section class="panel">
        <fieldset class="themes">
          <legend>{words.theme}</legend>
          <p class="quiet">{words.themeLead}</p>
          {themes.map(([value, text]) => (
            <label key={value} class="check">
              <input type="radio" name="theme" value={value} checked={state.theme.value === value} onChange={() => (state.theme.value = value)} /> {text}
            </label>
          ))}
        </fieldset>
      </section>
      <section class="panel buttons">
        <button type="button" class="button" onClick={() => show({ kind: "help" })}><Icon name="help" /> {words.help}</button>
        <button type="button" class="button" onClick={() => void signOut().catch((e: unknown) => say(faultOf(e).message))}><Icon name="out" /> {words.signOut}</button>
      </section>
    </PageFrame>
  );
}
