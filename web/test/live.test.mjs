// Several browsers at a real server, which is killed and started again while
// people write.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { calm, launch, open, signIn } from "./browser.mjs";
import { password, Server } from "./server.mjs";

const lost = [/401|ERR_|WebSocket/];
const composer = (p) => p.getByRole("textbox", { name: /^Message / });
const texts = (p) => p.$$eval("article[data-id] .body", (all) => all.map((a) => a.textContent));
const press = async (p, text) => {
  await composer(p).fill(text);
  await composer(p).press("Enter");
};
const shown = (p, text) => p.locator("article", { hasText: text }).first().waitFor();

describe("two people at a real server", () => {
  let server, browser, ann, bob, room;
  before(async () => {
    server = await Server.make(["Ann", "Bob"]);
    browser = await launch();
    ann = await open(browser, { url: server.url });
    bob = await open(browser, { url: server.url });
    await signIn(ann, "ann", password);
    await signIn(bob, "bob", password);
    room = await ann.evaluate(async () => {
      const answer = await fetch("/api/v1/rooms", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ name: "High water", type: "open", nonce: "high-water-1" }) });
      return (await answer.json()).id;
    });
    for (const p of [ann, bob]) {
      await p.goto("/room/" + room);
      await composer(p).waitFor();
    }
    await press(ann, "Who is out today?");
    await shown(bob, "Who is out today?");
    await press(bob, "I am."); // and becomes a member
    await shown(ann, "I am.");
  });
  after(async () => {
    await browser?.close();
    await server?.remove();
  });

  it("hear each other at once, and that the other writes", async () => {
    const from = Date.now();
    await press(ann, "Can you hear me?");
    await shown(bob, "Can you hear me?");
    assert.ok(Date.now() - from < 15_000);
    await composer(bob).pressSequentially("Lo");
    await ann.getByText("Bob is writing").waitFor();
    await composer(bob).fill("");
    calm(ann, lost);
  });

  it("what is written while the server is killed and starts again is there once, in order, for both", async () => {
    const sent = [];
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 4; i++) {
        const text = `Round ${round}, godwit ${i}.`;
        sent.push(text);
        await press(ann, text);
        if (i === 1) await server.end("SIGKILL");
      }
      await composer(ann).fill("Half a sentence");
      await server.start();
      await ann.evaluate(() => dispatchEvent(new Event("online")));
      await bob.evaluate(() => dispatchEvent(new Event("online")));
      await shown(ann, sent.at(-1));
      await shown(bob, sent.at(-1));
      await ann.locator(".draft").first().waitFor({ state: "detached" });
      assert.equal(await composer(ann).inputValue(), "Half a sentence");
    }
    const heard = async (p) => (await texts(p)).filter((t) => t.startsWith("Round "));
    assert.deepEqual(await heard(bob), sent);
    assert.deepEqual(await heard(ann), sent);
    await bob.reload();
    await shown(bob, sent.at(-1));
    assert.deepEqual(await heard(bob), sent);
    await composer(ann).fill("");
    calm(ann, lost);
    calm(bob, lost);
  });

  it("a server that ends in order is come back to without a word of it", async () => {
    await server.end("SIGTERM");
    await server.start();
    await press(ann, "Back again.");
    await shown(bob, "Back again.");
    assert.equal((await texts(bob)).filter((t) => t === "Back again.").length, 1);
    calm(bob, lost);
  });

  it("what one has read on one device is read on the other", async () => {
    const phone = await open(browser, { url: server.url });
    await signIn(phone, "ann", password);
    await phone.goto("/people");
    await ann.goto("/people");
    await press(bob, "Look, @ann, a crane.");
    const link = (p) => p.locator(".side-link.unread", { hasText: "High water" });
    await link(ann).locator(".badge", { hasText: "1" }).waitFor();
    await link(phone).locator(".badge", { hasText: "1" }).waitFor();
    await ann.goto("/room/" + room);
    await shown(ann, "a crane");
    await link(phone).waitFor({ state: "detached" });
    await phone.reload();
    await phone.locator(".side-link", { hasText: "High water" }).waitFor();
    assert.equal(await link(phone).count(), 0);
    await phone.context().close();
  });

  it("who signs out elsewhere hears nothing more", async () => {
    const other = await open(browser, { url: server.url });
    await signIn(other, "bob", password);
    await other.goto("/room/" + room);
    await shown(other, "a crane");
    const answer = await bob.evaluate(async () => {
      const list = await (await fetch("/api/v1/account/sessions")).json();
      const there = list.sessions.find((s) => !s.here);
      return (await fetch("/api/v1/account/sessions/" + there.id, { method: "DELETE" })).status;
    });
    assert.ok(answer < 300, "ending the session answers " + answer);
    await other.getByText("You were signed out. Sign in again to go on.").waitFor({ timeout: 15_000 });
    await other.context().close();
  });
});
