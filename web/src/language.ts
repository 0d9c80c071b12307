// Which language the page speaks. English is in the program; others are files
// that are fetched before the first picture and laid over the English words:
// what such a file lacks is said in English.
import type { Words } from "./words";

// Said is what the words of another language look like: the same names, other
// texts.
export type Said<T> = T extends string ? string
  : T extends (...given: infer A) => string ? (...given: A) => string
  : { readonly [K in keyof T]: Said<T[K]> };

type Part = Partial<Said<Words>>;

// counter says how many there are of something, by the rules of a language:
// some have more forms than two.
export function counter(locale: string): (n: number, forms: { other: string } & Partial<Record<Intl.LDMLPluralRule, string>>) => string {
  const rules = new Intl.PluralRules(locale);
  const numbers = new Intl.NumberFormat(locale);
  return (n, forms) => `${numbers.format(n)} ${forms[rules.select(n)] ?? forms.other}`;
}

// Each language is a file of its own.
const files: Record<string, () => Promise<{ words: Part }>> = {
  de: () => import("./words.de"),
};

const store = (): Storage | null => {
  try {
    return globalThis.localStorage ?? null;
  } catch {
    return null; // switched off in this browser
  }
};

// wanted is the language that was chosen or, without a choice, the first of
// the browser's that there is.
export function wanted(chosen = store()?.getItem("godwit.language") ?? "", browser: readonly string[] = globalThis.navigator?.languages ?? []): string {
  const known = (l: string) => l === "en" || l in files;
  if (known(chosen)) return chosen;
  return browser.map((l) => l.slice(0, 2).toLowerCase()).find(known) ?? "en";
}

// translation fetches the words of a language. A file that does not come
// leaves the page in English.
export async function translation(language = wanted()): Promise<Part> {
  try {
    const part = (await files[language]?.())?.words ?? {};
    if (globalThis.document) document.documentElement.lang = language;
    return part;
  } catch {
    return {};
  }
}

// setLanguage remembers a choice for this browser, and loads the page anew if
// it speaks another language then.
export function setLanguage(chosen: string): void {
  const before = wanted();
  if (chosen) store()?.setItem("godwit.language", chosen);
  else store()?.removeItem("godwit.language");
  if (wanted() !== before) location.reload();
}
