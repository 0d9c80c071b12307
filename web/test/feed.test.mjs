// What the client does with the feed and with what is not sent yet, in a
// browser, against the mock server.
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { id, Mock, people } from "../dev/mock.mjs";
import { axe, calm, launch, open } from "./browser.mjs";

let mock, browser, page;
before(async () => {
  browser = await launch();
});
after(() => browser.close());
beforeEach(async () => {
  mock = new Mock();
  mock.signedIn = true;
  await mock.listen();
});
afterEach(async () => {
  await page?.context().close();
  await mock.close();
});

const quiet = "/room/" + id(2, 13);
const composerIn = (p) => p.getByRole("textbox", { name: /^Message / });
const composer = () => composerIn(page);
const button = (name) => page.getByRole("button", { name, exact: true });
const lost = [/ERR_|WebSocket/];

async function enter(path = quiet) {
  page = await open(browser, { url: mock.url });
  await page.goto(path);
  await page.locator("article[data-id]").first().waitFor();
  await listening(page);
}

// listening waits until a page hears what is told.
async function listening(p) {
  await p.waitForFunction(() => document.querySelector(".offline") === null);
  while (!mock.sockets.size) await new Promise((done) => setTimeout(done, 10));
}

const texts = (p) => p.$$eval("article[data-id] .body", (all) => all.map((a) => a.textContent));
const count = async (p, text) => (await texts(p)).filter((t) => t.includes(text)).length;

// press sends a text as a person does.
async function press(text, p = page) {
  await composerIn(p).fill(text);
  await composerIn(p).press("Enter");
}

describe("what the feed tells", () => {
  it("messages come, change and go without a request", async () => {
    await enter();
    const before = mock.requests.length;
    const m = mock.add(id(2, 13), id(1, 2), "Turnstones on the jetty.");
    await page.getByText("Turnstones on the jetty.").waitFor();
    mock.tell({ type: "message", message: { ...m, edited: m.sent + 1, tree: [{ t: "text", x: "Knots on the jetty." }] } });
    await page.getByText("Knots on the jetty.").waitFor();
    assert.equal(await count(page, "Turnstones"), 0);
    mock.tell({ type: "message", message: { ...m, gone: true, tree: undefined } });
    await page.locator(`[data-id="${m.id}"]`, { hasText: "This message was deleted." }).waitFor();
    assert.deepEqual(mock.requests.slice(before), []);
    calm(page);
  });

  it("a room comes into the sidebar, changes its name, and goes", async () => {
    await enter();
    const room = { id: id(2, 900), type: "private", name: "Eelgrass", member: true, may_post: true };
    mock.tell({ type: "room", room });
    await page.locator(".side-link", { hasText: "Eelgrass" }).waitFor();
    mock.tell({ type: "room", room: { ...room, name: "Seagrass" } });
    await page.locator(".side-link", { hasText: "Seagrass" }).waitFor();
    assert.equal(await page.locator(".side-link", { hasText: "Eelgrass" }).count(), 0);
    mock.tell({ type: "drop", id: room.id });
    await page.locator(".side-link", { hasText: "Seagrass" }).waitFor({ state: "detached" });
    calm(page);
  });

  it("the room that is shown goes when one may no longer see it", async () => {
    await enter();
    mock.rooms.delete(id(2, 13));
    mock.tell({ type: "drop", id: id(2, 13) });
    await page.getByText("There is no such room, or you may not read it.").waitFor();
    calm(page, [/404/]);
  });

  it("unread messages and mentions are counted, and gone on all devices when one has read them", async () => {
    await enter();
    const link = page.locator(".side-link", { hasText: "Count 14" });
    const room = id(2, 14);
    mock.messages(mock.rooms.get(room));
    mock.add(room, id(1, 2), "First.");
    await page.locator(".side-link.unread", { hasText: "Count 14" }).waitFor();
    assert.equal(await link.locator(".badge").count(), 0);
    const m = mock.add(room, id(1, 2), "@ann look", false);
    mock.tell({ type: "message", message: { ...m, calls: [people[0].id] } });
    await link.locator(".badge", { hasText: "1" }).waitFor();
    mock.tell({ type: "message", message: { ...m, calls: [people[0].id] } }); // twice is once
    const own = mock.add(room, people[0].id, "from my phone", false);
    mock.tell({ type: "message", message: own });
    await page.waitForFunction(() => [...document.querySelectorAll(".side-link.unread")].length === 1);
    assert.match(await link.locator(".badge").textContent(), /^1 /);
    await axe(page, "unread");
    mock.unread.set(room, { read: m.sent - 2, unread: 1, last: own.sent });
    mock.tell({ type: "message", message: { ...m, tree: [], gone: true } });
    await link.locator(".badge").waitFor({ state: "detached" }); // what called was deleted
    await page.locator(".side-link.unread", { hasText: "Count 14" }).waitFor();
    mock.tell({ type: "read", id: room, read: own.sent, last: own.sent });
    await page.locator(".side-link.unread").waitFor({ state: "detached" });
    assert.equal(await page.locator(".badge").count(), 0);
    const imported = { ...m, id: id(0x88, 1), sent: own.sent + 1 };
    mock.tell({ type: "message", message: imported });
    mock.add(id(2, 13), id(1, 2), "after it");
    await page.getByText("after it").waitFor();
    assert.equal(await page.locator(".side-link.unread").count(), 0, "imported history is not news");
    calm(page);
  });

  it("what is read while one looks is said, once for many messages", async () => {
    await enter();
    for (let i = 0; i < 30; i++) mock.add(id(2, 13), id(1, 2), "Number " + i);
    await page.getByText("Number 29").waitFor();
    const newest = mock.messages({ id: id(2, 13) }).at(-1).sent;
    while (!mock.said.some((s) => s.type === "read" && s.room === id(2, 13) && s.time === newest)) await new Promise((done) => setTimeout(done, 20));
    assert.ok(mock.said.filter((s) => s.type === "read").length < 10, "every message was said to be read");
    calm(page);
  });

  it("who writes is said above the composer, until their message comes", async () => {
    await enter();
    mock.tell({ type: "typing", id: id(2, 13), who: people[1].id });
    await page.getByText("Bob Curlew is writing").waitFor();
    mock.tell({ type: "typing", id: id(2, 13), who: people[2].id });
    await page.getByText("Bob Curlew and Chidi Whimbrel are writing").waitFor();
    await axe(page, "typing");
    mock.add(id(2, 13), people[1].id, "Done.");
    await page.getByText("Chidi Whimbrel is writing").waitFor();
    calm(page);
  });

  it("that one writes and is there is said, but not with every letter", async () => {
    await enter();
    await composer().pressSequentially("A few words in a row");
    const typed = mock.said.filter((s) => s.type === "typing");
    assert.equal(typed.length, 1);
    assert.equal(typed[0].room, id(2, 13));
    assert.equal(mock.said.filter((s) => s.type === "active").length, 1);
    calm(page);
  });

  it("who is here has a dot beside their picture", async () => {
    await enter();
    const dot = page.locator(".sidebar .presence");
    await page.locator('.sidebar .presence[aria-label="online"]').first().waitFor();
    const n = await dot.count();
    mock.tell({ type: "presence", people: { [people[1].id]: "offline", [people[2].id]: "offline" } });
    await page.waitForFunction(() => document.querySelectorAll(".sidebar .presence").length === 0);
    assert.ok(n > 0);
    calm(page);
  });

  it("afresh fetches everything again and goes on from there", async () => {
    await enter();
    mock.add(id(2, 13), id(1, 2), "Missed by the feed.", false);
    mock.rooms.get(id(2, 14)).name = "Renamed meanwhile";
    for (const s of mock.sockets) s.send(JSON.stringify({ cursor: "0", events: [{ type: "afresh" }] }));
    await page.getByText("Missed by the feed.").waitFor();
    await page.locator(".side-link", { hasText: "Renamed meanwhile" }).waitFor();
    while (!mock.sockets.size) await new Promise((done) => setTimeout(done, 10));
    mock.add(id(2, 13), id(1, 2), "And heard again.");
    await page.getByText("And heard again.").waitFor();
    assert.equal(await count(page, "Missed by the feed."), 1);
    calm(page);
  });
});

describe("a connection that is lost", () => {
  it("what was missed comes without a request, and nothing twice", async () => {
    await enter();
    mock.add(id(2, 13), id(1, 2), "Before.");
    await page.getByText("Before.").waitFor();
    const n = mock.requests.length;
    mock.hangUp(1012, "1");
    mock.add(id(2, 13), id(1, 2), "Meanwhile.");
    await page.getByText("Meanwhile.").waitFor();
    assert.equal(await count(page, "Before."), 1);
    assert.deepEqual(mock.requests.slice(n), []);
    calm(page);
  });

  it("a session that has ended says so", async () => {
    await enter();
    mock.signedIn = false;
    mock.hangUp(4001, "signed out");
    await page.getByText("You were signed out. Sign in again to go on.").waitFor();
    calm(page);
  });

  it("one who signed in again elsewhere is found out when the feed cannot be opened", async () => {
    await enter();
    mock.signedIn = false;
    mock.hangUp(1001, "");
    await page.getByText("You were signed out. Sign in again to go on.").waitFor();
    calm(page, [/401|WebSocket/]);
  });

  it("a machine that slept asks at once when it wakes", async () => {
    await enter();
    mock.down = true;
    mock.hangUp();
    await page.locator(".offline").waitFor();
    mock.down = false;
    const m = mock.add(id(2, 13), id(1, 2), "While it slept.");
    await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
    await page.locator(`[data-id="${m.id}"]`).waitFor();
    await page.locator(".offline").waitFor({ state: "detached" });
    calm(page, lost);
  });
});

describe("what is not sent yet", () => {
  it("waits through a reload and is sent once, in order", async () => {
    await enter();
    mock.down = true;
    mock.hangUp();
    await press("One for the tide");
    await press("Two for the tide");
    await page.getByText("2 messages waiting to be sent").waitFor();
    mock.down = false;
    await page.reload();
    await page.locator("article", { hasText: "Two for the tide" }).waitFor();
    await page.locator(".draft").first().waitFor({ state: "detached" });
    const all = (await texts(page)).filter((t) => t.includes("for the tide"));
    assert.deepEqual(all, ["One for the tide", "Two for the tide"]);
    assert.equal(mock.nonces.size, 2);
    calm(page, lost);
  });

  it("an answer that never came is not sent twice, and not shown twice", async () => {
    await enter();
    let answer;
    mock.slowPosts = new Promise((done) => (answer = done));
    await press("Did you hear me");
    while (mock.nonces.size < 1) await new Promise((done) => setTimeout(done, 10));
    // The server has it, and tells of it; its answer gets lost.
    mock.slowPosts = null;
    mock.server.closeAllConnections();
    mock.hangUp();
    await page.locator("article", { hasText: "Did you hear me" }).waitFor();
    await page.locator(".draft").first().waitFor({ state: "detached" });
    answer();
    await page.reload();
    await page.locator("article", { hasText: "Did you hear me" }).waitFor();
    assert.equal(await count(page, "Did you hear me"), 1);
    assert.equal(mock.nonces.size, 1);
    calm(page, lost);
  });

  it("one's own message is never shown beside its draft", async () => {
    await enter();
    let answer;
    mock.slowPosts = new Promise((done) => (answer = done));
    await press("Seen once");
    while (mock.nonces.size < 1) await new Promise((done) => setTimeout(done, 10));
    mock.add(id(2, 13), id(1, 2), "Told later.");
    await page.getByText("Told later.").waitFor();
    assert.equal(await count(page, "Seen once"), 0);
    assert.equal(await page.locator(".draft", { hasText: "Seen once" }).count(), 1);
    mock.slowPosts = null;
    answer();
    await page.locator("article", { hasText: "Seen once" }).waitFor();
    assert.equal(await page.locator(".draft").count(), 0);
    const order = (await texts(page)).filter((t) => /Seen once|Told later/.test(t));
    assert.deepEqual(order, ["Seen once", "Told later."]);
    calm(page);
  });

  it("is kept for the same person through the end of a session, and not shown to another", async () => {
    await enter();
    await composer().fill("Half a draft");
    mock.signedIn = false;
    await composer().press("Enter");
    await page.getByText("You were signed out. Sign in again to go on.").waitFor();
    assert.equal(mock.nonces.size, 0);
    mock.me = { ...mock.me, id: id(1, 3), name: "Chidi Whimbrel" };
    mock.signedIn = true;
    await page.goto(quiet);
    await page.locator("article[data-id]").first().waitFor();
    assert.equal(await page.locator(".draft").count(), 0);
    assert.equal(mock.nonces.size, 0, "it was sent in another one's name");
    mock.me = { ...mock.me, id: people[0].id, name: people[0].name };
    await page.reload();
    await page.locator("article", { hasText: "Half a draft" }).waitFor();
    assert.equal(mock.nonces.size, 1);
    calm(page, [/401/]);
  });

  it("signing out oneself leaves nothing of it in the browser", async () => {
    await enter();
    await composer().fill("A secret thought");
    await page.goto("/preferences");
    await button("Sign out").click();
    await page.getByRole("heading", { name: "Sign in to Godwit" }).waitFor();
    const left = await page.evaluate(() => JSON.stringify(localStorage));
    assert.doesNotMatch(left, /secret thought/);
    calm(page);
  });
});

describe("two tabs of one browser", () => {
  async function second() {
    const other = await page.context().newPage();
    other.wrong = [];
    await other.goto(quiet);
    await other.locator("article[data-id]").first().waitFor();
    return other;
  }

  it("have one draft, and neither loses it", async () => {
    await enter();
    const other = await second();
    await composer().fill("Begun here");
    await other.waitForFunction(() => document.getElementById("composer").value === "Begun here");
    await composerIn(other).fill("Begun here, ended there");
    await page.waitForFunction(() => document.getElementById("composer").value === "Begun here, ended there");
    await composerIn(other).press("Enter");
    await page.waitForFunction(() => document.getElementById("composer").value === "");
    await page.locator("article", { hasText: "Begun here, ended there" }).waitFor();
    assert.equal(mock.nonces.size, 1);
    calm(page);
  });

  it("send what waits once, whichever of them is closed", async () => {
    await enter();
    const other = await second();
    mock.failPosts = 1;
    await press("Sent by either");
    await other.locator(".draft", { hasText: "Sent by either" }).waitFor();
    await page.close();
    await other.locator("article", { hasText: "Sent by either" }).waitFor();
    assert.equal(await count(other, "Sent by either"), 1);
    assert.equal(mock.nonces.size, 1);
    page = other;
  });
});
