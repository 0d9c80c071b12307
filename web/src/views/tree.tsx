// Draws the tree that markup makes of a text. Nothing of a text ever becomes
// HTML: each node is an element made here.
import type { ComponentChildren, JSX } from "preact";
import { createContext } from "preact";
import { useContext, useState } from "preact/hooks";
import type { Node } from "../api.gen";
import { markTerms } from "../find";
import { personOf, state } from "../state";
import { words } from "../words";
import { openCard } from "./parts";

// Terms are the words to mark, where a text is drawn as a search result.
export const Terms = createContext<string[]>([]);

export function Tree({ nodes }: { nodes: Node[] }): JSX.Element {
  return <>{nodes.map((n, i) => <One key={i} node={n} />)}</>;
}

function Text({ text }: { text: string }): JSX.Element {
  const terms = useContext(Terms);
  if (!terms.length) return <>{text}</>;
  return <>{markTerms(text, terms).map((p, i) => (p.marked ? <mark key={i}>{p.text}</mark> : p.text))}</>;
}

function One({ node }: { node: Node }): JSX.Element | null {
  const inside: ComponentChildren = node.c ? <Tree nodes={node.c} /> : <Text text={node.x ?? ""} />;
  switch (node.t) {
    case "text": return <Text text={node.x ?? ""} />;
    case "p": return <p dir="auto">{inside}</p>;
    case "b": return <strong>{inside}</strong>;
    case "i": return <em>{inside}</em>;
    case "s": return <s>{inside}</s>;
    case "u": return <u>{inside}</u>;
    case "code": return <code><Text text={node.x ?? ""} /></code>;
    case "pre": return <pre tabIndex={0} role="group" aria-label={node.lang || "code"}><code>{inside}</code></pre>;
    case "tok": return <span class={"tok-" + (kinds.has(node.k ?? "") ? node.k : "name")}><Text text={node.x ?? ""} /></span>;
    case "task": return <input type="checkbox" class="task" checked={node.n === 1} disabled aria-label={node.n === 1 ? words.taskDone : words.taskOpen} />;
    case "quote": return <blockquote dir="auto">{inside}</blockquote>;
    case "br": return <br />;
    case "hr": return <hr />;
    case "h": return <p class="heading" dir="auto"><strong>{inside}</strong></p>;
    case "ul": return <ul dir="auto">{inside}</ul>;
    case "ol": return <ol dir="auto">{inside}</ol>;
    case "li": return <li>{inside}</li>;
    case "table": return <div class="table-box" tabIndex={0} role="group" aria-label="table"><table><tbody>{inside}</tbody></table></div>;
    case "tr": return <tr>{inside}</tr>;
    case "td": return <td dir="auto">{inside}</td>;
    case "th": return <th dir="auto">{inside}</th>;
    case "link": return <Link url={node.u ?? ""}>{node.c?.length ? inside : node.u}</Link>;
    case "mention": return <Mention node={node} />;
    case "emoticon": return <Emoticon node={node} />;
    case "image": return <Picture node={node} />;
    case "card": return <div class="outside-card" style={/^#[0-9a-f]{6}$/i.test(node.x ?? "") ? { borderInlineStartColor: node.x ?? "" } : {}} dir="auto">{inside}</div>;
    case "color": return <Colour value={node.x ?? ""} />;
    default: return <>{inside}</>;
  }
}

const kinds = new Set(["key", "type", "const", "name", "tag", "str", "num", "rem", "head", "in", "out"]);

const followed = /^(https?:\/\/|mailto:|\/(?![/\\]))/i;

// The server lets only such addresses through; looking again costs nothing.
function Link({ url, children }: { url: string; children: ComponentChildren }): JSX.Element {
  if (!followed.test(url)) return <span>{children}</span>;
  if (url.startsWith("/")) return <a href={url}>{children}</a>;
  if (url.startsWith(location.origin + "/")) return <a href={url.slice(location.origin.length)}>{children}</a>;
  return <a href={url} target="_blank" rel="noopener noreferrer nofollow">{children}</a>;
}

function Mention({ node }: { node: Node }): JSX.Element {
  const person = personOf(node.user);
  const me = state.start.value?.me;
  const mine = !node.user || (person !== undefined && person.id === personOf(me?.id)?.id);
  const text = "@" + (node.x ?? "");
  if (!person) return <span class={"mention" + (mine ? " mine" : "")}>{text}</span>;
  return (
    <button type="button" class={"mention plain" + (mine ? " mine" : "")} title={person.name} onClick={(e) => openCard(person.id, e.currentTarget)}>
      {text}
    </button>
  );
}

function Emoticon({ node }: { node: Node }): JSX.Element {
  const [broken, setBroken] = useState(false);
  const text = `(${node.x ?? ""})`;
  const url = node.u || state.start.value?.emoticons?.[(node.x ?? "").toLowerCase()];
  if (!url || broken) return <span>{text}</span>;
  return <img class="emoticon" src={url} alt={text} title={text} loading="lazy" onError={() => setBroken(true)} />;
}

// A picture of somebody else's server is fetched only when it is asked for:
// fetching tells that server who reads what, and when.
function Picture({ node }: { node: Node }): JSX.Element {
  const [shown, setShown] = useState(false);
  const url = node.u ?? "";
  if (!followed.test(url) || url.startsWith("mailto:")) return <span>{node.x}</span>;
  if (shown) return <img class="outside-picture" src={url} alt={node.x ?? ""} referrerpolicy="no-referrer" />;
  return (
    <span class="outside">
      <Link url={url}>{node.x || url}</Link>{" "}
      <button type="button" class="small-button" onClick={() => setShown(true)}>{words.showPicture}</button>
    </span>
  );
}

function Colour({ value }: { value: string }): JSX.Element {
  if (!/^#[0-9a-f]{6}$/i.test(value)) return <>{value}</>;
  return <span class="colour"><span class="swatch" style={{ background: value }} aria-hidden="true" />{value}</span>;
}

// plainText returns the words of a tree, for the clipboard and for sizes.
export function plainText(nodes: Node[]): string {
  let out = "";
  for (const n of nodes) {
    if (n.t === "br") out += "\n";
    else if (n.t === "mention") out += "@" + (n.x ?? "");
    else if (n.t === "emoticon") out += `(${n.x ?? ""})`;
    else out += n.c ? plainText(n.c) : n.x ?? n.u ?? "";
    if (n.t === "p" || n.t === "li" || n.t === "tr" || n.t === "pre" || n.t === "quote" || n.t === "card") out += "\n";
  }
  return out;
}
