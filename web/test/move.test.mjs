// A browser that is open while its place moves to another one and back: no
// reload, no sign-in, nothing lost or doubled.
//
//	GODWIT_BIN  the program
//	SHOTS       a folder that pictures of the screens go into
import assert from "node:assert/strict";
import { execFile, execFileSync, spawn } from "node:child_process";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { axe, calm, launch, open, rows } from "./browser.mjs";
import { bin, Place } from "./place.mjs";
import { freePort } from "./server.mjs";

const { SHOTS: shots } = process.env;
const ada = "ada@example.org";
const run = promisify(execFile);

describe("a move", { skip: bin ? false : "GODWIT_BIN is not set", timeout: 300_000 }, () => {
  const place = new Place();
  let browser, page, room, target, env, at;

  before(async () => {
    await place.open(400);
    browser = await launch();
    room = (await place.call(ada, "POST", "/rooms", { name: "Tide line", type: "open", nonce: "nonce-tide-line" })).id;
    await place.invite("Bo");
    await place.call("Bo", "PUT", `/rooms/${room}/members/me`, {});
    for (let i = 0; i < 120; i++) await place.call(ada, "POST", `/rooms/${room}/messages`, { text: `before ${i}`, nonce: `nonce-before-${i}` });
    const port = await freePort();
    at = `http://127.0.0.1:${port}`;
    const data = path.join(place.dir, "new");
    target = spawn(bin, ["serve", "--data", data, "--listen", `127.0.0.1:${port}`], { stdio: ["ignore", "pipe", "inherit"] });
    await new Promise((done) => target.stdout.on("data", (d) => String(d).includes("Godwit is at") && done()));
    const token = (dir) => execFileSync(bin, ["admin", "token", "--for", "move", "--data", dir], { encoding: "utf8" }).trim();
    env = { ...process.env, GODWIT_FROM_TOKEN: token(path.join(place.dir, "demo/data")), GODWIT_TO_TOKEN: token(data) };
  });
  after(async () => {
    await browser?.close();
    if (target) await new Promise((done) => target.on("exit", done) && target.kill("SIGKILL"));
    await place.close();
  });

  const godwit = (...args) => run(bin, args, { cwd: place.dir, env, timeout: 120_000 });
  const shot = async (name) => shots && page.screenshot({ path: path.join(shots, name + ".png") });
  const row = (text) => page.locator(".history article", { hasText: text });
  const composer = () => page.locator("#composer");
  let posts = 0;
  const bo = (text) => place.call("Bo", "POST", `/rooms/${room}/messages`, { text, nonce: `nonce-of-bo-${++posts}` });
  const send = async (text) => {
    await composer().fill(text);
    await composer().press("Escape");
    await composer().press("Enter");
    await row(text).last().waitFor();
  };

  it("is not noticed by those who are there", async () => {
    page = await open(browser, { url: place.url });
    await place.as(page, ada);
    await page.goto("/room/" + room);
    await row("before 119").waitFor();
    await page.evaluate(() => { globalThis.mark = "never loaded anew"; });
    await composer().fill("a draft that is not lost");
    await godwit("sync", place.url, at, "--name", "tide", "--once");

    for (const [step, where] of [["cutover", at], ["rollback", place.url], ["cutover", at]]) {
      const many = (await rows(page)).length;
      await bo(`while there, before the ${step} ${posts}`);
      const moved = godwit(step, "tide");
      const during = [];
      let done = false;
      void moved.finally(() => { done = true; });
      for (let i = 0; !done && i < 200; i++) {
        await bo(`during the ${step} ${posts}`);
        during.push(posts - 1);
      }
      await moved;
      await bo(`after the ${step} ${posts}`);
      await row(`after the ${step} ${posts - 1}`).waitFor({ timeout: 30_000 });
      assert.equal((await (await fetch(where + "/readyz")).json()).state, "open");
      for (const n of during.slice(-20)) assert.equal(await row(`during the ${step} ${n}`).count(), 1, `message ${n} of the ${step}`);
      assert.ok((await rows(page)).length > 0 && many > 0);
      await shot("move-" + step);
    }
    assert.equal(await composer().inputValue(), "a draft that is not lost");
    await send("written in the new place");
    assert.equal(await row("written in the new place").count(), 1);
    assert.equal(await page.evaluate(() => globalThis.mark), "never loaded anew", "the page was loaded anew");
    await axe(page, "after a move");

    // What the new place has is what was seen, and people are signed in there.
    const answer = await fetch(`${at}/api/v1/rooms/${room}/messages?limit=50`, { headers: { Cookie: place.cookies.get(ada) } });
    assert.equal(answer.status, 200);
    const texts = JSON.stringify((await answer.json()).messages);
    assert.ok(texts.includes("written in the new place"));
    calm(page, [/50\d/, /WebSocket/, /ERR_/]);
  });
});
