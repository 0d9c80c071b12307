// Finding by a few letters, and marking what was found.

const marks = /\p{M}/gu;

export function fold(s: string): string {
  return s.normalize("NFKD").replace(marks, "").toLowerCase();
}

// rank says how well a text fits a query, less is better; -1 is not at all.
// Every word of the query must begin a word of the text, or be inside one.
export function rank(text: string, query: string): number {
  const t = fold(text);
  let sum = 0;
  for (const word of fold(query).split(/\s+/)) {
    if (!word) continue;
    const at = t.indexOf(word);
    if (at < 0) return -1;
    const begins = at === 0 || startsWord(t, word);
    sum += at === 0 ? 0 : begins ? 1 : 3;
  }
  return sum;
}

function startsWord(text: string, word: string): boolean {
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    if (at === 0 || !/[\p{L}\p{N}]/u.test(text[at - 1]!)) return true;
  }
  return false;
}

// best returns the items that fit a query, best first, at most so many.
export function best<T>(items: T[], query: string, textOf: (item: T) => string, limit: number): T[] {
  if (!fold(query).trim()) return items.slice(0, limit);
  return items
    .map((item) => ({ item, text: textOf(item), rank: rank(textOf(item), query) }))
    .filter((x) => x.rank >= 0)
    .sort((a, b) => a.rank - b.rank || a.text.length - b.text.length)
    .slice(0, limit)
    .map((x) => x.item);
}

// mistyped says whether a word of a text begins like the query, but for one
// letter that is wrong, missing, too much, or in the other's place.
function mistyped(text: string, word: string): boolean {
  if (word.length < 3) return false;
  return fold(text).split(/[^\p{L}\p{N}]+/u).some((w) => [-1, 0, 1].some((d) => {
    const cut = w.slice(0, word.length + d);
    return cut.length >= word.length - 1 && off(cut, word);
  }));
}

// off says whether two words differ in one place at most.
function off(a: string, b: string): boolean {
  let i = 0;
  while (i < a.length && a[i] === b[i]) i++;
  const rest = (x: string, from: number) => x.slice(from);
  if (rest(a, i) === rest(b, i)) return true;
  return rest(a, i + 1) === rest(b, i + 1) || rest(a, i + 1) === rest(b, i) || rest(a, i) === rest(b, i + 1)
    || (a[i] === b[i + 1] && a[i + 1] === b[i] && rest(a, i + 2) === rest(b, i + 2));
}

// initialsFit says whether a query is the first letters of a text's words.
function initialsFit(text: string, query: string): boolean {
  const first = fold(text).split(/[^\p{L}\p{N}]+/u).map((w) => w[0] ?? "").join("");
  return query.length > 1 && first.startsWith(query);
}

// close is best that also takes first letters and one wrong letter a word,
// after all that fits; of those that fit the same, the heavier come first.
export function close<T>(items: T[], query: string, textOf: (item: T) => string, weightOf: (item: T) => number, limit: number): T[] {
  const parts = fold(query).split(/\s+/).filter(Boolean);
  if (!parts.length) return items.slice(0, limit);
  const rankOf = (text: string): number => {
    const exact = rank(text, query);
    if (exact >= 0) return exact;
    if (initialsFit(text, parts.join(""))) return 50;
    return parts.every((w) => rank(text, w) >= 0 || mistyped(text, w)) ? 100 : -1;
  };
  return items
    .map((item) => ({ item, text: textOf(item), weight: weightOf(item), rank: rankOf(textOf(item)) }))
    .filter((x) => x.rank >= 0)
    .sort((a, b) => a.rank - b.rank || b.weight - a.weight || a.text.length - b.text.length)
    .slice(0, limit)
    .map((x) => x.item);
}

// Piece is a part of a text, marked or not.
export interface Piece {
  text: string;
  marked: boolean;
}

// markTerms cuts a text where a folded term stands in it.
export function markTerms(text: string, terms: string[]): Piece[] {
  if (!terms.length || !text) return [{ text, marked: false }];
  let folded = "";
  const from: number[] = []; // where each folded letter comes from
  let at = 0;
  for (const letter of text) {
    const f = fold(letter);
    for (let i = 0; i < f.length; i++) from.push(at);
    folded += f;
    at += letter.length;
  }
  from.push(text.length);
  const hit = new Uint8Array(text.length);
  for (const term of terms) {
    const t = fold(term);
    if (!t) continue;
    for (let i = folded.indexOf(t); i >= 0; i = folded.indexOf(t, i + t.length)) {
      hit.fill(1, from[i]!, endOf(from, i + t.length));
    }
  }
  return piecesOf(text, hit);
}

function endOf(from: number[], i: number): number {
  return from[i] ?? from.at(-1)!;
}

function piecesOf(text: string, hit: Uint8Array): Piece[] {
  const pieces: Piece[] = [];
  for (let i = 0; i < text.length; ) {
    let end = i + 1;
    while (end < text.length && hit[end] === hit[i]) end++;
    pieces.push({ text: text.slice(i, end), marked: hit[i] === 1 });
    i = end;
  }
  return pieces;
}
