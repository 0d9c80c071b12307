// Files, in a browser, at a real server that this test starts, kills and
// starts again.
//
//	GODWIT_BIN  the program; without it there is nothing to start, and the tests are skipped
//	SHOTS       a folder that pictures of the screens go into, for looking at them
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import zlib from "node:zlib";
import { axe, calm, launch, open, phone, signIn, wide } from "./browser.mjs";
import { freePort } from "./server.mjs";

const { GODWIT_BIN: bin, SHOTS: shots } = process.env;

// png makes a picture of one colour.
export function png(w, h, [r, g, b]) {
  const raw = Buffer.alloc(h * (w * 3 + 1));
  for (let y = 0; y < h; y++) for (let x = 0; x < w; x++) raw.set([r, g + (y % 64), b + (x % 64)], y * (w * 3 + 1) + 1 + x * 3);
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const out = Buffer.alloc(body.length + 8);
    out.writeUInt32BE(data.length);
    body.copy(out, 4);
    out.writeUInt32BE(zlib.crc32(body), body.length + 4);
    return out;
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(w);
  head.writeUInt32BE(h, 4);
  head.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]), chunk("IHDR", head), chunk("IDAT", zlib.deflateSync(raw)), chunk("IEND", Buffer.alloc(0))]);
}

describe("files", { skip: bin ? false : "GODWIT_BIN is not set" }, () => {
  let dir, port, url, server, browser, page, password;
  const login = "ada@example.org";

  async function serve() {
    server = spawn(bin, ["serve", "--data", path.join(dir, "demo/data"), "--listen", `127.0.0.1:${port}`, "--fetch-allow", "127.0.0.1/32"], { stdio: ["ignore", "pipe", "inherit"] });
    await new Promise((done, failed) => {
      let said = "";
      server.stdout.on("data", (d) => {
        said += d;
        if (said.includes("Godwit is at")) done();
      });
      server.on("exit", () => failed(new Error("the server ended")));
    });
  }
  const kill = () => new Promise((done) => {
    server.removeAllListeners("exit");
    server.on("exit", done);
    server.kill("SIGKILL");
  });

  before(async () => {
    dir = mkdtempSync(path.join(tmpdir(), "godwit-files-"));
    execFileSync(bin, ["demo", "--dir", path.join(dir, "demo"), "--listen", "127.0.0.1:0", "--messages", "300"], { env: { ...process.env, DEMO_EXIT: "1" } });
    password = readFileSync(path.join(dir, "demo/password"), "utf8").trim();
    port = await freePort();
    url = `http://127.0.0.1:${port}`;
    await serve();
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    if (server) await kill();
    if (dir) rmSync(dir, { recursive: true, force: true });
  });
  afterEach(async () => page?.context().close());

  let state;
  async function enter(options = {}) {
    page = await open(browser, { url, ...options });
    if (state) await page.context().addCookies(state.cookies);
    else await signIn(page, login, password);
    state ??= await page.context().storageState();
    await page.goto("/");
    const room = await page.evaluate(async () => {
      const s = await (await fetch("/api/v1/start")).json();
      return s.rooms.find((r) => r.may_post && r.type === "open").id;
    });
    await page.goto("/room/" + room);
    await page.locator("#composer").waitFor();
    return room;
  }
  const shot = async (name) => shots && page.screenshot({ path: path.join(shots, name + ".png") });
  const choose = (...files) => page.locator(".composer input[type=file]").first().setInputFiles(files);
  const button = (name) => page.getByRole("button", { name, exact: true });
  const last = () => page.locator("article[data-id]").last();
  const posted = () => page.locator(".attachments").waitFor({ state: "detached" });

  // drop lets a file fall, or pastes it.
  const give = (kind, name, type, data) => page.evaluate(([how, n, t, b]) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([Uint8Array.from(atob(b), (c) => c.charCodeAt(0))], n, { type: t }));
    const target = document.getElementById("composer");
    if (how === "paste") return target.dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true, cancelable: true }));
    for (const e of how === "drag" ? ["dragenter", "dragover"] : ["drop"]) document.body.dispatchEvent(new DragEvent(e, { dataTransfer: transfer, bubbles: true, cancelable: true }));
  }, [kind, name, type, data.toString("base64")]);

  it("files are sent by button, with and without words, and are there after a reload", async () => {
    await enter();
    await choose({ name: "Tide table.csv", mimeType: "text/csv", buffer: Buffer.from("high,low\n") }, { name: "mud.png", mimeType: "image/png", buffer: png(600, 400, [90, 60, 30]) });
    await page.getByText("9 B", { exact: true }).waitFor();
    assert.equal(await button("Send").isEnabled(), true);
    await axe(page, "files of the next message");
    await shot("attached-wide");
    await page.locator("#composer").fill("What the tide left");
    await page.keyboard.press("Enter");
    await posted();
    await page.locator("article", { hasText: "What the tide left" }).getByText("Tide table.csv").waitFor();
    await choose({ name: "alone.txt", mimeType: "text/plain", buffer: Buffer.from("alone") });
    await page.getByText("5 B", { exact: true }).waitFor();
    await page.locator("#composer").press("Enter");
    await posted();
    await page.reload();
    await last().getByText("alone.txt").waitFor();
    const picture = page.locator("article", { hasText: "What the tide left" }).locator("img[src*=previews]");
    await picture.scrollIntoViewIfNeeded();
    await page.waitForFunction((img) => img.complete && img.naturalWidth > 0, await picture.elementHandle());
    await shot("posted-wide");
    calm(page, [/401/]); // before signing in
  });

  it("a picture is dropped on the room, and one is pasted", async () => {
    await enter();
    await give("drag", "drop.png", "image/png", png(80, 60, [20, 90, 120]));
    await page.locator(".drop-zone").waitFor();
    await shot("drop-wide");
    await give("drop", "drop.png", "image/png", png(80, 60, [20, 90, 120]));
    await page.locator(".drop-zone").waitFor({ state: "detached" });
    await give("paste", "image.png", "image/png", png(80, 60, [120, 90, 20]));
    await page.locator(".attachment.done").nth(1).waitFor();
    assert.match(await page.locator(".attachment").nth(1).innerText(), /Screenshot \d{4}-\d\d-\d\d/);
    await page.locator("#composer").press("Enter");
    await posted();
    await last().locator("img[src*=previews]").nth(1).waitFor();
    calm(page);
  });

  it("one is taken out again, and one that is too large says so and what to do", async () => {
    await enter({ viewport: phone });
    await choose({ name: "a.txt", mimeType: "text/plain", buffer: Buffer.from("a") }, { name: "b.txt", mimeType: "text/plain", buffer: Buffer.from("bb") });
    await page.locator(".attachment.done").nth(1).waitFor();
    await shot("attached-phone");
    await button("Take out a.txt").click();
    assert.equal(await page.locator(".attachment").count(), 1);
    await page.route("**/api/v1/uploads", (r) => r.request().method() === "POST"
      ? r.fulfill({ status: 400, json: { kind: "invalid", text: "film.mkv has 3 GiB; a file can have at most 1024 MiB here", hint: "an administrator can raise the limit" } }) : r.continue());
    await choose({ name: "film.mkv", mimeType: "video/x-matroska", buffer: Buffer.from("x") });
    await page.getByRole("alert").filter({ hasText: "at most 1024 MiB" }).waitFor();
    assert.equal(await button("Send").isEnabled(), false);
    await shot("refused-phone");
    await axe(page, "a refused file");
    await page.unroute("**/api/v1/uploads");
    await button("Try again: film.mkv").click();
    await page.locator(".attachment.done").nth(1).waitFor();
    await page.locator("#composer").press("Enter");
    await posted();
    await last().getByText("film.mkv").waitFor();
    calm(page, [/400/]);
  });

  it("a large one goes on where it stopped when the server was killed in the middle, and after a reload", { timeout: 120_000 }, async () => {
    await enter();
    const file = path.join(dir, "large.bin");
    const data = randomBytes(60 << 20);
    writeFileSync(file, data);
    const cdp = await page.context().newCDPSession(page);
    await cdp.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 12e6 });
    await page.locator(".composer input[type=file]").first().setInputFiles(file);
    const sent = () => page.locator(".attachment progress").evaluate((p) => p.value);
    const past = (n) => page.waitForFunction((least) => document.querySelector(".attachment progress")?.value > least, n);
    await past(10e6);
    await shot("sending-wide");
    await kill();
    await page.getByText("No connection. It goes on by itself.").waitFor();
    await serve();
    await past(20e6);
    const before = await sent();
    await page.reload();
    await page.locator("#composer").waitFor();
    await page.locator(".attachment").waitFor();
    await past(8e6); // not from the beginning
    assert.ok((await sent()) >= before - 17e6, "it began anew");
    await cdp.detach().catch(() => undefined);
    await page.locator(".attachment.done").waitFor({ timeout: 60_000 });
    await page.locator("#composer").press("Enter");
    await posted();
    const href = await last().getByRole("link", { name: "Download: large.bin" }).getAttribute("href");
    const got = await page.request.get(href);
    assert.ok(Buffer.from(await got.body()).equals(data), "other bytes came back");
    calm(page, [/ERR_|net::|Failed to load/]);
  });

  it("pictures open large, turn by key, grow and close; the room's files are listed by sort", async () => {
    await enter();
    await page.locator("img[src*=previews]").last().waitFor();
    await page.locator(".preview-button").last().click();
    const dialog = page.locator("dialog.picture");
    await dialog.locator("img").waitFor();
    const title = () => dialog.getByRole("heading").innerText();
    const first = await title();
    await page.keyboard.press("ArrowLeft");
    await page.waitForFunction((t) => document.querySelector("dialog.picture h2")?.textContent !== t, first);
    await page.keyboard.press("ArrowRight");
    await page.waitForFunction((t) => document.querySelector("dialog.picture h2")?.textContent === t, first);
    const width = () => dialog.locator("img").evaluate((i) => i.getBoundingClientRect().width);
    await page.waitForFunction(() => document.querySelector("dialog.picture img")?.complete);
    const before = await width();
    await page.keyboard.press("+");
    await page.keyboard.press("+");
    assert.ok((await width()) > before * 1.8, "it does not grow");
    await axe(page, "a large picture");
    await shot("picture-wide");
    await page.keyboard.press("0");
    assert.equal(await dialog.locator("img").getAttribute("alt"), first);
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    await button("Files of this room").click();
    const list = page.locator("dialog.room-files");
    await list.getByText("large.bin").waitFor();
    await axe(page, "files of the room");
    await shot("files-wide");
    await button("Pictures").click();
    await list.locator(".tile").nth(2).waitFor();
    await page.waitForFunction(() => [...document.querySelectorAll(".tile img")].every((i) => i.complete));
    await axe(page, "pictures of the room");
    await shot("tiles-wide");
    await list.locator(".tile").first().click();
    await dialog.locator("img").waitFor();
    await page.keyboard.press("Escape");
    calm(page);
  });

  it("a picture of oneself is cut with the keyboard, and taken away", async () => {
    await enter();
    await page.goto("/preferences");
    await page.locator(".avatar-editor input").setInputFiles({ name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("no") });
    await page.getByRole("alert").filter({ hasText: "cannot be read as a picture" }).waitFor();
    await page.locator(".avatar-editor input").setInputFiles({ name: "me.png", mimeType: "image/png", buffer: png(800, 500, [150, 90, 40]) });
    const crop = page.locator(".crop-frame");
    await crop.focus();
    const looks = () => crop.evaluate((c) => c.toDataURL().length + ":" + c.toDataURL().slice(-3000, -2900));
    const before = await looks();
    await page.keyboard.press("+");
    await page.keyboard.press("ArrowRight");
    assert.notEqual(await looks(), before);
    await axe(page, "cutting a picture");
    await shot("crop-wide");
    await button("Use this picture").click();
    await page.locator("dialog.crop").waitFor({ state: "detached" });
    await page.locator(".me-panel img.avatar").waitFor();
    await button("Remove the picture").click();
    await page.locator(".me-panel span.avatar").waitFor();
    calm(page);
  });

  it("a link gets a preview, and its author takes it away", async () => {
    const site = http.createServer((req, res) => {
      if (req.url === "/p.png") return res.end(png(400, 300, [40, 110, 140]));
      res.setHeader("Content-Type", "text/html");
      res.end(`<title>No</title><meta property="og:title" content="Where the godwits winter"><meta property="og:site_name" content="Shorebird notes"><meta property="og:description" content="${"They fly far. ".repeat(20)}"><meta property="og:image" content="/p.png">`);
    });
    await new Promise((done) => site.listen(0, "127.0.0.1", done));
    await enter();
    await page.locator("#composer").fill(`Read <http://127.0.0.1:${site.address().port}/winter>`);
    await page.keyboard.press("Enter");
    const card = page.locator(".link-card", { hasText: "Where the godwits winter" });
    await card.locator("img").waitFor();
    await page.waitForFunction(() => [...document.querySelectorAll(".link-card img")].every((i) => i.complete));
    await card.hover();
    await axe(page, "a preview");
    await shot("card-wide");
    site.close();
    await card.getByRole("button", { name: "Remove this preview" }).click();
    await card.waitFor({ state: "detached" });
    await page.reload();
    await page.locator("article", { hasText: "Read" }).last().waitFor();
    assert.equal(await card.count(), 0);
    calm(page);
  });

  it("looks right, light and dark, on desks and phones", async () => {
    for (const [size, viewport] of Object.entries({ wide, phone })) {
      for (const dark of [false, true]) {
        await page?.context().close();
        await enter({ viewport, dark });
        await last().waitFor();
        await axe(page, `${size} ${dark ? "dark" : "light"}`);
        await shot(`room-${size}-${dark ? "dark" : "light"}`);
      }
    }
    calm(page);
  });
});
