// Makes internal/markup/emoji.txt of the package emojibase-data: the one list
// of standard emoji that the server reads shortcodes with and the client's
// picker shows. One line an emoji, fields parted by tabs: group, the emoji,
// "s" if it takes a skin tone, shortcodes, words to find it by.
import { createRequire } from "node:module";
import { writeFileSync } from "node:fs";

const require = createRequire(import.meta.url);
const data = require("emojibase-data/en/data.json");
const version = require("emojibase-data/package.json").version;
// In the order of what counts: the first list that has a word decides it.
const lists = ["iamcal", "github", "emojibase"].map((n) => require(`emojibase-data/en/shortcodes/${n}.json`));

const toned = (emoji, tone) => {
  const [first, ...rest] = [...emoji];
  if (rest[0] === "\ufe0f") rest.shift();
  return first + String.fromCodePoint(0x1f3fa + tone) + rest.join("");
};
const skins = (e) => {
  const list = (e.skins ?? []).filter((s) => typeof s.tone === "number");
  return list.length === 5 && list.every((s) => s.emoji === toned(e.emoji, s.tone));
};

const taken = new Set();
const codes = new Map();
for (const list of lists) {
  for (const e of data) {
    for (const code of [list[e.hexcode] ?? []].flat()) {
      if (taken.has(code)) continue;
      taken.add(code);
      codes.set(e, [...(codes.get(e) ?? []), code]);
    }
  }
}
const lines = data
  .filter((e) => e.group !== undefined && e.group !== 2)
  .sort((a, b) => a.order - b.order)
  .map((e) => {
    const words = new Set([...e.label.toLowerCase().split(/[^\p{L}\p{N}]+/u), ...(e.tags ?? [])]);
    for (const c of codes.get(e) ?? []) words.delete(c);
    words.delete("");
    return [e.group, e.emoji, skins(e) ? "s" : "", (codes.get(e) ?? []).join(" "), [...words].filter((w) => !w.includes(" ")).join(" ")].join("\t");
  });
const head = `# Made by web/dev/emoji.mjs from emojibase-data ${version} (MIT, Miles Johnson); "npm run emoji" in web makes it again.`;
writeFileSync(new URL("../../internal/markup/emoji.txt", import.meta.url), [head, ...lines, ""].join("\n"));
