// The words of a search that say where to look: from: in: before: after: has:.
// The text in the box is all there is; the filters below it read and change it.

interface Token {
  raw: string;
  key: string; // "" for words to find
  value: string; // without quotes
}

const token = /([a-z]+):(?=\s|$)|(?:([a-z]+):)?(?:"([^"]*)"?|(\S+))/gi;

function tokens(text: string): Token[] {
  return [...text.matchAll(token)].map((m) => ({
    raw: m[0], key: (m[1] ?? m[2] ?? "").toLowerCase(), value: m[3] ?? m[4] ?? "",
  }));
}

// valuesOf returns what a query says with a key, as in from:ann.
export function valuesOf(text: string, key: string): string[] {
  return tokens(text).filter((t) => t.key === key).map((t) => t.value);
}

// withFilter returns the query in which a key has one value, or none.
export function withFilter(text: string, key: string, value: string): string {
  const rest = tokens(text).filter((t) => t.key !== key).map((t) => t.raw);
  return [...rest, ...(value ? [`${key}:${value}`] : [])].join(" ");
}

// toggled returns the query with a filter that it does not have, or without.
export function toggled(text: string, key: string, value: string): string {
  const list = tokens(text);
  const is = (t: Token) => t.key === key && t.value.toLowerCase() === value;
  const rest = list.filter((t) => !is(t)).map((t) => t.raw);
  return [...rest, ...(list.some(is) ? [] : [`${key}:${value}`])].join(" ");
}
