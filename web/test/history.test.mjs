// Reading a long room, in a browser.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { id, Mock } from "../dev/mock.mjs";
import { calm, launch, open, phone, rows, signIn } from "./browser.mjs";
import { walk } from "./walk.mjs";

const big = id(2, 1);
const path = "/room/" + big;

describe("history", () => {
  let mock, browser, page, all;
  before(async () => {
    mock = new Mock();
    await mock.listen();
    browser = await launch();
    all = mock.messages({ id: big }).map((m) => m.id);
  });
  after(async () => {
    await browser.close();
    await mock.close();
  });
  const enter = async (options = {}) => {
    mock.signedIn = true;
    page = await open(browser, { url: mock.url, ...options });
  };
  const firstInView = () => page.evaluate(() => {
    const box = document.getElementById("history");
    const top = box.getBoundingClientRect().top;
    const row = [...box.querySelectorAll("article[data-id]")].find((r) => r.getBoundingClientRect().bottom > top + 45);
    return { id: row.dataset.id, top: Math.round(row.getBoundingClientRect().top - top) };
  });

  it("opens at the newest message", async () => {
    await enter();
    await page.goto(path);
    await page.locator(`[data-id="${all.at(-1)}"]`).waitFor();
    assert.ok(await page.evaluate(() => {
      const b = document.getElementById("history");
      return b.scrollHeight - b.scrollTop - b.clientHeight < 4;
    }));
    calm(page);
    await page.context().close();
  });

  it("every message comes in order, to the first and back, and the page stays small", { timeout: 900_000 }, async () => {
    await enter({ viewport: { width: 800, height: 400 } });
    await page.goto(path);
    await page.locator(`[data-id="${all.at(-1)}"]`).waitFor();
    const { up, down, most } = await walk(page);
    assert.deepEqual(up, all);
    assert.deepEqual(down, all);
    assert.ok(most <= 401, `${most} messages were drawn at once`);
    calm(page);
    await page.context().close();
  });

  it("what is read stays where it is when older pages arrive", async () => {
    await enter();
    await page.goto(path);
    await page.locator(`[data-id="${all.at(-1)}"]`).waitFor();
    for (let i = 0; i < 12; i++) {
      // In one piece: older messages may come before the next question could.
      const { before, after } = await page.evaluate(async () => {
        const box = document.getElementById("history");
        const first = box.querySelector("article[data-id]").dataset.id;
        box.scrollTop = 700;
        const rowAt = () => [...box.querySelectorAll("article[data-id]")].find((r) => r.getBoundingClientRect().bottom > box.getBoundingClientRect().top + 45);
        const row = rowAt();
        const before = row.getBoundingClientRect().top;
        while (box.querySelector("article[data-id]").dataset.id === first) await new Promise(requestAnimationFrame);
        await new Promise(requestAnimationFrame);
        const now = box.querySelector(`[data-id="${row.dataset.id}"]`);
        return { before, after: now.getBoundingClientRect().top };
      });
      assert.ok(Math.abs(before - after) <= 2, `moved by ${after - before} px`);
    }
    calm(page);
    await page.context().close();
  });

  it("a link to a message opens there, marks it, and leads back to the newest", async () => {
    await enter();
    const target = all[12_345];
    await page.goto(`${path}/${target}`);
    const row = page.locator(`article.marked[data-id="${target}"]`);
    await row.waitFor();
    await assert.doesNotReject(row.click({ trial: true }));
    await page.getByRole("button", { name: "Back to the newest" }).click();
    await page.locator(`[data-id="${all.at(-1)}"]`).waitFor();
    calm(page);
    await page.context().close();
  });

  it("a date leads to the first message of that day", async () => {
    await enter();
    await page.goto(path);
    await page.locator(`[data-id="${all.at(-1)}"]`).waitFor();
    await page.getByRole("button", { name: "Jump to a date" }).click();
    await page.getByLabel("Month", { exact: true }).selectOption("3");
    await page.getByRole("button", { name: "14 Apr 2013" }).click();
    const wanted = mock.messages({ id: big }).find((m) => m.sent >= Date.UTC(2013, 3, 14) * 1000).id;
    await page.locator(`[data-id="${wanted}"]`).waitFor();
    await page.waitForFunction((w) => {
      const box = document.getElementById("history");
      const row = box.querySelector(`[data-id="${w}"]`);
      const at = row.getBoundingClientRect().top - box.getBoundingClientRect().top;
      return at > 0 && at < 120;
    }, wanted);
    assert.match(await page.locator(".day-line").filter({ hasText: "14 April 2013" }).first().innerText(), /14 April 2013/);
    await page.getByRole("button", { name: "Jump to a date" }).click();
    await page.getByRole("button", { name: "First message" }).click();
    await page.locator(`[data-id="${all[0]}"]`).waitFor();
    await page.getByText("This is where Tidal flats begins.").waitFor();
    calm(page);
    await page.context().close();
  });

  it("a new message in view keeps to the end; one far below is told of", async () => {
    await enter({ viewport: phone });
    await page.goto("/room/" + id(2, 13));
    await page.locator("article[data-id]").first().waitFor();
    const m = mock.add(id(2, 13), id(1, 2), "Here they come.");
    await page.getByText("Here they come.").waitFor();
    assert.equal((await rows(page)).at(-1), m.id);
    await page.waitForFunction(() => {
      const b = document.getElementById("history");
      return b.scrollHeight - b.scrollTop - b.clientHeight < 4;
    });
    await page.goto(`${path}/${all[100]}`);
    await page.locator("article.marked").waitFor();
    mock.add(big, id(1, 2), "Far below.");
    await page.getByRole("button", { name: "New messages below" }).click();
    await page.getByText("Far below.").waitFor();
    all.push(mock.messages({ id: big }).at(-1).id);
    calm(page);
    await page.context().close();
  });

  it("a room with news is bold until it is opened, and says what is new", async () => {
    await enter();
    await page.goto(path);
    await page.locator("article[data-id]").first().waitFor();
    mock.rooms.get(id(2, 14)).last = mock.messages({ id: id(2, 14) }).at(-1).sent;
    await page.reload();
    await page.locator("article[data-id]").first().waitFor();
    mock.add(id(2, 14), id(1, 2), "News elsewhere.");
    const link = page.locator(".side-link.unread", { hasText: "Count 14" });
    await link.click();
    await page.getByText("News elsewhere.").waitFor();
    assert.equal(await page.locator(".fresh-line").count(), 1);
    assert.equal(await page.locator(".side-link.unread").count(), 0);
    calm(page);
    await page.context().close();
  });

  it("a page that does not load says so and can be asked for again", async () => {
    await enter();
    await page.goto(path);
    await page.locator(`[data-id="${all.at(-1)}"]`).waitFor();
    await page.route(/before=/, (r) => r.fulfill({ status: 500, json: { kind: "internal", text: "The database is busy." } }));
    await page.evaluate(() => (document.getElementById("history").scrollTop = 0));
    await page.getByText("Older messages did not load.").waitFor();
    await page.unroute(/before=/);
    const first = (await firstInView()).id;
    await page.getByRole("button", { name: "Try again" }).click();
    await page.waitForFunction((f) => document.querySelector("article[data-id]").dataset.id < f, first);
    calm(page, [/500/]);
    await page.context().close();
  });

  it("sign-in works here too", async () => {
    mock.signedIn = false;
    page = await open(browser, { url: mock.url });
    await signIn(page, "ann", "long enough");
    await page.locator("article[data-id]").first().waitFor();
    calm(page, [/401/]);
    await page.context().close();
  });
});
