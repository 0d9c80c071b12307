// What is pasted becomes Markdown that says the same.

const address = /^https?:\/\/[^\s<>"]+$/i;

// pasted returns what to insert in the place of a selection, or null where the
// browser's own way is right.
export function pasted(data: DataTransfer, selection: string): string | null {
  const plain = data.getData("text/plain");
  if (address.test(plain.trim())) return selection && !address.test(selection) && !/[\n[\]]/.test(selection) ? `[${selection}](${plain.trim()})` : null;
  const html = data.getData("text/html");
  // Editors of code paste their colours; the text alone is what is meant.
  if (!html || !plain.trim() || /monospace|vscode|data-vscode/i.test(html)) return null;
  const text = fromHTML(html);
  const same = (s: string) => s.replace(/\s+/g, " ").trim();
  return text && same(text) !== same(plain) ? text : null;
}

const marks: Record<string, string> = { B: "**", STRONG: "**", I: "*", EM: "*", S: "~~", DEL: "~~", STRIKE: "~~" };
const blocks = new Set(["P", "DIV", "SECTION", "ARTICLE", "H1", "H2", "H3", "H4", "H5", "H6", "UL", "OL", "LI", "BLOCKQUOTE", "PRE", "TABLE", "TR"]);
const mostDepth = 50;

// fromHTML reads a page that was copied. It is parsed, and never shown.
export function fromHTML(html: string): string {
  // Styles would be refused, and complained of, even though nothing is shown.
  const quiet = html.replace(/<style[^]*?<\/style>/gi, "").replace(/\sstyle\s*=\s*(?=["'])/gi, " data-style=");
  const body = new DOMParser().parseFromString(quiet, "text/html").body;
  return write(body, 0).replace(/[ \t]+\n/g, "\n").replace(/\n{3,}/g, "\n\n").trim();
}

function inside(e: Element, depth: number): string {
  return [...e.childNodes].map((n) => write(n, depth + 1)).join("");
}

function write(n: Node, depth: number): string {
  if (n.nodeType === Node.TEXT_NODE) return escaped((n.textContent ?? "").replace(/\s+/g, " "));
  if (!(n instanceof HTMLElement) || depth > mostDepth) return n.textContent ?? "";
  const tag = n.tagName;
  if (tag === "STYLE" || tag === "SCRIPT" || tag === "TITLE" || tag === "META") return "";
  if (tag === "BR") return "\n";
  if (tag === "PRE") return `\n\`\`\`\n${n.innerText.replace(/\n$/, "")}\n\`\`\`\n`;
  if (tag === "CODE") return n.textContent ? "`" + n.textContent.replaceAll("`", "'") + "`" : "";
  if (tag === "TABLE") return "\n\n" + table(n) + "\n\n";
  const text = inside(n, depth);
  const mark = marks[tag];
  // Google Docs wraps everything in a b that is not bold.
  if (mark && text.trim() && !/font-weight:\s*(normal|400)/i.test(n.getAttribute("data-style") ?? "")) return text.replace(/^(\s*)([^]*?)(\s*)$/, `$1${mark}$2${mark}$3`);
  if (tag === "A") return link(n, text);
  if (tag === "LI") return `\n${item(n)} ${text.trim().replace(/\n/g, "\n  ")}`;
  if (tag === "BLOCKQUOTE") return "\n\n" + text.trim().replace(/^/gm, "> ") + "\n\n";
  if (/^H[1-6]$/.test(tag)) return text.trim() ? `\n\n**${text.replaceAll("**", "").trim()}**\n\n` : "";
  if (tag === "P" || tag === "UL" || tag === "OL") return `\n\n${text.trim()}\n\n`;
  return blocks.has(tag) ? `\n${text}\n` : text;
}

function item(li: HTMLElement): string {
  const list = li.parentElement;
  if (list?.tagName !== "OL") return "-";
  return `${[...list.children].indexOf(li) + 1}.`;
}

function link(n: HTMLElement, text: string): string {
  const href = n.getAttribute("href") ?? "";
  const words = text.replace(/\s+/g, " ").trim();
  if (!address.test(href) || !words) return text;
  return words === escaped(href) || words === href ? href : `[${words}](${href})`;
}

function table(n: HTMLElement): string {
  const rows = [...n.querySelectorAll("tr")].map((tr) => [...tr.children].map((c) => (c.textContent ?? "").replace(/\s+/g, " ").replaceAll("|", "\\|").trim()));
  const width = Math.max(0, ...rows.map((r) => r.length));
  if (width < 2) return rows.map((r) => r.join("")).join("\n");
  const line = (cells: string[]) => `| ${Array.from({ length: width }, (_, i) => cells[i] ?? "").join(" | ")} |`;
  return [line(rows[0] ?? []), line(Array.from({ length: width }, () => "---")), ...rows.slice(1).map(line)].join("\n");
}

const escaped = (s: string) => s.replace(/([\\`*_[\]])/g, "\\$1");
