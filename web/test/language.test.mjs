// Every language says all that English says; what is missing is named here,
// and said in English.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { build } from "vite";
import { id, Mock } from "../dev/mock.mjs";
import { axe, calm, launch, open } from "./browser.mjs";

const load = async (entry) => {
  const out = await build({ configFile: false, logLevel: "silent", build: { write: false, target: "es2022", minify: false, rollupOptions: { input: entry, preserveEntrySignatures: "strict", output: { codeSplitting: false } }, modulePreload: false } });
  const code = [out].flat()[0].output[0].code;
  return import("data:text/javascript;base64," + Buffer.from(code).toString("base64"));
};

const shape = (v) => (typeof v === "function" ? `function of ${v.length}` : Array.isArray(v) ? `list of ${v.length}` : typeof v);

// missing lists what one table has and another lacks, or has otherwise.
function missing(from, to, path = "") {
  return Object.entries(from).flatMap(([k, v]) => {
    const name = path + k;
    if (!(k in to)) return [name];
    if (shape(v) !== shape(to[k])) return [`${name}: a ${shape(to[k])}, and not a ${shape(v)}`];
    return typeof v === "object" ? missing(v, to[k], name + ".") : [];
  });
}

describe("languages", () => {
  let english, german;
  before(async () => {
    english = (await load("src/words.ts")).words;
    german = (await load("src/words.de.ts")).words;
  });

  it("German says everything that English says", () => assert.deepEqual(missing(english, german), []));
  it("and nothing that English does not", () => assert.deepEqual(missing(german, english), []));
  it("numbers and their words follow the language", () => {
    assert.equal(english.messages(1), "1 message");
    assert.equal(english.messages(12345), "12,345 messages");
    assert.equal(german.messages(1), "1 Nachricht");
    assert.equal(german.messages(12345), "12.345 Nachrichten");
    assert.equal(german.members(0), "0 Mitglieder");
  });
});

describe("a page in German", () => {
  let mock, browser;
  before(async () => {
    mock = new Mock();
    await mock.listen();
    browser = await launch();
  });
  after(async () => {
    await browser.close();
    await mock.close();
  });

  it("is spoken to a browser that prefers it, and can be chosen and taken back", async () => {
    mock.signedIn = true;
    const page = await open(browser, { url: mock.url, locale: "de-AT" });
    await page.goto("/preferences");
    await page.getByRole("heading", { name: "Einstellungen" }).waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.lang), "de");
    await page.getByText("benutzt 24. Nov. 2026").first().waitFor();
    await axe(page, "German preferences");
    await page.getByLabel("Sprache").selectOption("en");
    await page.getByRole("heading", { name: "Preferences" }).waitFor();
    await page.getByLabel("Language").selectOption("");
    await page.getByRole("heading", { name: "Einstellungen" }).waitFor();
    await page.goto("/room/" + id(2, 1));
    await page.getByRole("textbox", { name: /^Nachricht an/ }).waitFor();
    calm(page);
  });
});
