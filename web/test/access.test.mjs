// axe finds nothing on any page, light and dark, wide and narrow.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { id, Mock } from "../dev/mock.mjs";
import { axe, calm, launch, open, phone, wide } from "./browser.mjs";

const room = (n) => "/room/" + id(2, n);
const pages = [
  ["a big room", room(1), "article[data-id]"], ["every kind of message", room(2), "article[data-id]"], ["an empty room", room(7), ".empty"],
  ["an archived room", room(8), ".composer-closed"], ["a long name", room(4), "article[data-id]"], ["right to left", room(5), "article[data-id]"],
  ["a 1-1", room(9), "article[data-id]"], ["no such room", room(99), ".empty"], ["all rooms", "/rooms", ".line-card"], ["all people", "/people", ".line-card"],
  ["search", "/search", ".search-help"], ["found", "/search?q=tide", ".result"], ["overview", "/admin", ".counts"], ["people to manage", "/admin/people", ".person-row"], ["settings", "/admin/settings", ".fields"], ["audit", "/admin/audit", "td"],
  ["preferences", "/preferences", ".rows"], ["stopping mails", "/unsubscribe/x", ".button"], ["lost", "/nowhere", ".empty"],
];
const dialogs = [
  ["switcher", (p) => p.keyboard.press("Control+k")], ["date", (p) => p.getByRole("button", { name: "Jump to a date" }).click()],
  ["details", (p) => p.getByRole("button", { name: "Room details" }).click()], ["person", (p) => p.locator("button.name").last().click()],
];

for (const [size, viewport] of [["wide", wide], ["narrow", phone]]) {
  for (const dark of [false, true]) {
    describe(`${size}, ${dark ? "dark" : "light"}`, () => {
      let mock, browser, page;
      before(async () => {
        mock = new Mock();
        await mock.listen();
        browser = await launch();
        page = await open(browser, { url: mock.url, viewport, dark });
      });
      after(async () => {
        await browser.close();
        await mock.close();
      });
      const fits = () => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);

      it("signing in and password links", async () => {
        await page.goto("/");
        await page.locator("#login").waitFor();
        await axe(page, "sign-in");
        await page.goto("/link/good-secret");
        await page.locator("#new-password").waitFor();
        await axe(page, "password link");
        mock.signedIn = true;
        calm(page, [/401/]);
      });
      for (const [name, path, ready] of pages) {
        it(name, async () => {
          mock.signedIn = true;
          await page.goto(path);
          await page.locator(ready).first().waitFor();
          await axe(page, name);
          assert.ok(await fits(), "the page is wider than the screen");
          calm(page, [/40[14]/]);
        });
      }
      it("dialogs", async () => {
        await page.goto(room(1));
        await page.locator("article[data-id]").first().waitFor();
        for (const [name, show] of dialogs) {
          await show(page);
          await page.locator("dialog[open], .card").waitFor();
          await axe(page, name);
          await page.keyboard.press("Escape");
          await page.locator("dialog[open], .card").waitFor({ state: "detached" });
        }
      });
      if (viewport === phone) {
        it("the sidebar is a screen of its own", async () => {
          await page.goto("/");
          await page.locator(".sidebar").waitFor();
          await axe(page, "sidebar");
          await page.getByRole("link", { name: "Count 13" }).click();
          await page.getByRole("button", { name: "Rooms and people" }).click();
          await page.locator(".sidebar").waitFor();
          assert.ok(await fits());
        });
      }
    });
  }
}
