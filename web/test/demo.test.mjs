// Walks every room of a real server, from the newest message to the first and
// back, and compares with what the source had.
//
//	GODWIT_URL       the server
//	GODWIT_LOGIN     who signs in
//	GODWIT_PASSWORD  their password
//	GODWIT_EXPECT    a JSON file: {"rooms": [{"id": "…", "name": "…", "messages": ["…"]}]},
//	                 the rooms that this person may read, each with the ids of all
//	                 its messages, oldest first; one may write to the first that has some
//
// Without GODWIT_URL there is nothing to walk and the tests are skipped.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { axe, calm, launch, open, phone, signIn, wide } from "./browser.mjs";
import { firstPicture } from "./picture.mjs";
import { walk } from "./walk.mjs";

const { GODWIT_URL: url, GODWIT_LOGIN: login, GODWIT_PASSWORD: password, GODWIT_EXPECT: expectFile } = process.env;
const rooms = url && expectFile ? JSON.parse(readFileSync(expectFile, "utf8")).rooms : [];

// difference says in few words how two orders differ; "" is not at all.
function difference(seen, wanted) {
  if (seen.length === wanted.length && seen.every((s, i) => s === wanted[i])) return "";
  const at = wanted.findIndex((w, i) => w !== seen[i]);
  const missing = new Set(wanted);
  seen.forEach((s) => missing.delete(s));
  return `${seen.length} messages instead of ${wanted.length}, ${missing.size} missing; the first difference is at ${at}: ${seen[at]} instead of ${wanted[at]}`;
}

describe("a real server", { skip: url ? false : "GODWIT_URL is not set" }, () => {
  let browser, page;
  before(async () => {
    browser = await launch();
    page = await open(browser, { url });
    await signIn(page, login, password);
  });
  after(() => browser?.close());

  it("has rooms to walk", () => assert.ok(rooms.length > 0, "GODWIT_EXPECT names no rooms"));

  it("every message of every room is there, in order, from the newest to the first and back", { timeout: 600_000 }, async () => {
    let sum = 0;
    for (const room of rooms) {
      await page.goto("/room/" + room.id);
      await page.locator(room.messages.length ? "article[data-id]" : ".empty").first().waitFor();
      if (!room.messages.length) continue;
      const { up, down } = await walk(page);
      const name = room.name || room.id;
      assert.equal(difference(up, room.messages), "", `${name}, upwards`);
      assert.equal(difference(down, room.messages), "", `${name}, downwards`);
      sum += room.messages.length;
    }
    calm(page, [/401/]);
    assert.ok(sum > 0);
  });

  it("the first picture of a room comes within a second of signing in", async () => {
    const tries = [];
    // The machine may be busy with something else for a moment.
    while (tries.length < 5 && !tries.some((ms) => ms <= 1000)) tries.push(await firstPicture(browser, url, login, password));
    assert.ok(tries.some((ms) => ms <= 1000), `it took ${tries} ms`);
  });

  it("axe finds nothing, and nothing complains", { timeout: 120_000 }, async () => {
    for (const viewport of [wide, phone]) {
      const look = await open(browser, { url, viewport });
      await signIn(look, login, password);
      for (const path of [...rooms.slice(0, 4).map((r) => "/room/" + r.id), "/rooms", "/people", "/search", "/preferences"]) {
        await look.goto(path);
        await look.locator("h1").first().waitFor();
        await look.waitForLoadState("load");
        await axe(look, path);
      }
      calm(look, [/401/]);
      await look.context().close();
    }
  });

  it("a posted message is there after a reload, once", async () => {
    const room = rooms.find((r) => r.messages.length);
    await page.goto("/room/" + room.id);
    await page.locator("article[data-id]").first().waitFor();
    const box = page.getByRole("textbox", { name: /^Message / });
    const text = "Posted at " + Date.now();
    await box.fill(text);
    await box.press("Enter");
    await page.locator("article", { hasText: text }).waitFor();
    await page.reload();
    await page.locator("article", { hasText: text }).waitFor();
    assert.equal(await page.locator("article", { hasText: text }).count(), 1);
  });
});
