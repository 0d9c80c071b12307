// What is ordered of a mover: the steps that are asked about first, and the
// knobs that are turned while it runs.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { flights, span } from "../flight";
import type { Knob, Status } from "../move.gen";
import { say } from "../ui";
import { words } from "../words";
import { Choice, Field, Form } from "./form";
import { Modal } from "./parts";

// OrderDialog asks before people are moved, or a way is closed.
export function OrderDialog({ s, move, word, onClose }: { s: Status; move: string; word: string; onClose: () => void }): JSX.Element {
  const [when, setWhen] = useState("now");
  const [time, setTime] = useState("");
  return (
    <Modal title={words.flightAsk[word] ?? word} onClose={onClose}>
      <Form send={words.flightDo[word] ?? word} action={async () => {
        const at = when === "time" ? "at " + new Date(time).toISOString() : "";
        await flights.order(move, word, at);
        say(words.flightOrdered);
        onClose();
      }}>
        <p>{words.flightAskText[word]}</p>
        {(word === "cutover" || word === "rollback") && s.pause > 0 && <p>{words.flightPauseNow(span(s.pause), span(s.budget))}</p>}
        {word === "cutover" && (
          <div class="fields">
            <Choice label={words.flightWhen} name="order-when" value={when} choices={[["now", words.flightAtOnce], ["time", words.flightAtTime]]} onChange={setWhen} />
            {when === "time" && (
              <div class="field">
                <label for="order-time">{words.flightTime}</label>
                <input id="order-time" type="datetime-local" required value={time} onInput={(e) => setTime(e.currentTarget.value)} />
              </div>
            )}
          </div>
        )}
      </Form>
    </Modal>
  );
}

export function Knobs({ s, move }: { s: Status; move: string }): JSX.Element | null {
  const knobs = s.knobs ?? [];
  if (!knobs.length || s.stage === "complete" || s.stage === "aborted") return null;
  return (
    <details class="panel">
      <summary><h2>{words.flightKnobs}</h2></summary>
      <p class="quiet">{words.flightKnobsLead}</p>
      <div class="flight-knobs">{knobs.map((k) => <KnobForm key={k.name} knob={k} move={move} />)}</div>
    </details>
  );
}

function KnobForm({ knob, move }: { knob: Knob; move: string }): JSX.Element {
  const [value, setValue] = useState<string | null>(null); // null follows the mover
  return (
    <Form send={words.flightSet} primary={false} action={async () => {
      await flights.order(move, "set", `${knob.name}=${(value ?? knob.value).trim()}`);
      say(words.flightOrdered);
      setValue(null);
    }}>
      <Field label={words.flightKnobNames[knob.name] ?? knob.name} name={"knob-" + knob.name} value={value ?? knob.value} hint={words.flightKnobHelp[knob.name] ?? knob.help} onInput={setValue} />
    </Form>
  );
}
