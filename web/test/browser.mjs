// What the browser tests share: a browser, a page that must not complain, and
// looking for what axe finds.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const flags = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
];

export const wide = { width: 1440, height: 900 };
export const phone = { width: 390, height: 844 };

export function launch() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", headless: true, args: flags });
}

// open makes a page that remembers everything that went wrong in it.
export async function open(browser, { viewport = wide, dark = false, locale = "en-GB", url }) {
  const context = await browser.newContext({
    viewport, colorScheme: dark ? "dark" : "light", reducedMotion: "reduce", baseURL: url, timezoneId: "UTC", locale,
    hasTouch: viewport === phone, isMobile: viewport === phone,
  });
  const page = await context.newPage();
  page.wrong = [];
  page.on("pageerror", (e) => page.wrong.push(String(e)));
  page.on("console", (m) => m.type() === "error" && page.wrong.push(m.text()));
  page.on("dialog", (d) => {
    page.wrong.push("a dialog: " + d.message());
    void d.dismiss();
  });
  return page;
}

export async function signIn(page, login, password) {
  await page.goto("/");
  await page.getByLabel(/^E-mail/).fill(login);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.locator(".sidebar").waitFor({ state: "attached" });
}

// calm asserts that nothing went wrong in a page, but for what is expected:
// a browser itself complains of every answer that is not 2xx.
export function calm(page, expected = []) {
  assert.deepEqual(page.wrong.filter((w) => !expected.some((e) => e.test(w))), []);
}

export async function axe(page, where) {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axeSource);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const list = found.violations.map((v) => `${where}: ${v.id}: ${v.nodes.slice(0, 4).map((n) => n.html.slice(0, 140) + " | " + n.failureSummary?.split("\n")[1]).join("\n    ")}`);
  assert.deepEqual(list, []);
}

// rows returns the ids of the messages that are drawn, oldest first.
export const rows = (page) => page.$$eval("article[data-id]", (all) => all.map((a) => a.dataset.id));
