// What people do with messages, in browsers, at a real server.
//
//	GODWIT_BIN  the program; without it there is nothing to start, and the tests are skipped
//	SHOTS       a folder that pictures of the screens go into, for looking at them
import assert from "node:assert/strict";
import path from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { axe, calm, launch, open, phone, wide } from "./browser.mjs";
import { bin, Place, png } from "./place.mjs";

const { SHOTS: shots } = process.env;
const ada = "ada@example.org";

describe("messages", { skip: bin ? false : "GODWIT_BIN is not set" }, () => {
  const place = new Place();
  const pages = [];
  let browser, page, room, other;

  before(async () => {
    await place.open();
    browser = await launch();
    room = (await place.call(ada, "POST", "/rooms", { name: "Mud flats", type: "open", nonce: "nonce-mud-flats" })).id;
    other = (await place.call(ada, "POST", "/rooms", { name: "High [water]", type: "open", nonce: "nonce-high-water" })).id;
    for (const name of ["Bo", "Cy"]) {
      await place.invite(name);
      await place.call(name, "PUT", `/rooms/${room}/members/me`, {});
    }
  });
  after(async () => {
    await browser?.close();
    await place.close();
  });
  afterEach(async () => {
    for (const p of pages.splice(0)) await p.context().close();
  });

  async function enter(who = ada, options = {}, where = "/room/" + room) {
    const p = await open(browser, { url: place.url, ...options });
    pages.push(p);
    await place.as(p, who);
    await p.goto(where);
    await p.locator(".sidebar").waitFor({ state: "attached" });
    return p;
  }
  const start = async (options) => {
    page = await enter(ada, options);
    await composer().waitFor();
  };
  const shot = async (name) => shots && page.screenshot({ path: path.join(shots, name + ".png") });
  const composer = (p = page) => p.locator("#composer");
  const reply = (p = page) => p.locator("#composer-thread");
  const row = (text, p = page) => p.locator(".history article", { hasText: text }).last();
  const inThread = (text, p = page) => p.locator(".thread article", { hasText: text }).last();
  const button = (name, p = page) => p.getByRole("button", { name, exact: true });
  const said = async (text) => page.locator(".said", { hasText: text }).waitFor();
  let posts = 0;
  const post = (who, text, more = {}) => place.call(who, "POST", `/rooms/${room}/messages`, { text, nonce: `nonce-of-test-${++posts}`, ...more });
  const send = async (text, p = page) => {
    await composer(p).fill(text);
    await composer(p).press("Escape");
    await composer(p).press("Enter");
  };
  const act = async (text, name, of = row) => {
    await of(text).hover();
    await of(text).getByRole("button", { name, exact: true }).click();
  };
  const menu = async (text, name, of = row) => {
    await act(text, "More actions", of);
    await page.getByRole("menuitem", { name, exact: true }).click();
  };

  describe("editing", () => {
    it("a message is edited in its place, others see it at once, and its earlier texts can be read", async () => {
      await start();
      const bo = await enter("Bo");
      await post(ada, "The tide is hihg");
      await row("hihg").waitFor();
      await act("hihg", "Edit");
      const box = page.getByRole("textbox", { name: "Text of the message" });
      await box.fill("The tide is high");
      await button("Save").click();
      await row("The tide is high", bo).getByText("(edited)").waitFor();
      await button("(edited)", row("The tide is high", bo)).click();
      await bo.locator(".revisions li", { hasText: "hihg" }).waitFor();
      assert.equal(await bo.locator(".revisions li").count(), 2);
      await button("Close", bo).click();
      calm(page);
      calm(bo);
    });

    it("↑ in an empty box edits the last message; Escape leaves it, an empty text asks whether to delete it", async () => {
      await start();
      await post(ada, "nearly right");
      await row("nearly right").waitFor();
      await composer().focus();
      await page.keyboard.press("ArrowUp");
      const box = page.getByRole("textbox", { name: "Text of the message" });
      await box.waitFor();
      assert.equal(await box.inputValue(), "nearly right");
      await page.keyboard.type(", not");
      await page.keyboard.press("Escape");
      await box.waitFor({ state: "detached" });
      await page.waitForFunction(() => document.activeElement?.id === "composer");
      await page.keyboard.press("ArrowUp");
      await box.fill("quite right");
      await page.keyboard.press("Enter");
      await row("quite right").waitFor();
      await page.keyboard.press("ArrowUp");
      await box.fill("");
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: "Delete this message?" }).waitFor();
      await button("Cancel").click();
      await row("quite right").waitFor();
      calm(page);
    });

    it("an edit that does not reach the server stays in its box, and is said", async () => {
      await start();
      await post(ada, "before the storm");
      await act("before the storm", "Edit");
      await page.route("**/api/v1/messages/*", (r) => r.abort());
      const box = page.getByRole("textbox", { name: "Text of the message" });
      await box.fill("after the storm");
      await page.keyboard.press("Enter");
      await said("The server does not answer");
      assert.equal(await box.inputValue(), "after the storm");
      await page.unroute("**/api/v1/messages/*");
      await page.keyboard.press("Enter");
      await row("after the storm").waitFor();
      calm(page, [/ERR_FAILED/]);
    });

    it("s/old/new/ corrects one's last message, and two slashes send it as it is", async () => {
      await start();
      await post(ada, "curlwe and curlwe");
      await row("curlwe and curlwe").waitFor();
      await send("s/curlwe/curlew/");
      await row("curlew and curlwe").waitFor();
      await send("s/curlwe/curlew/g");
      await row("curlew and curlew").waitFor();
      await send("s/ibis/heron/");
      await said("has no");
      assert.equal(await composer().inputValue(), "s/ibis/heron/");
      await send("//s/ibis/heron/");
      await row("s/ibis/heron/").waitFor();
      calm(page, [/404/]);
    });

    it("deleting asks first, takes the text from everybody, and says that there was one", async () => {
      await start();
      const bo = await enter("Bo");
      await post(ada, "not for long");
      await row("not for long").waitFor();
      await menu("not for long", "Delete");
      await button("Cancel").click();
      await row("not for long").waitFor();
      await menu("not for long", "Delete");
      await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
      for (const p of [page, bo]) {
        await p.locator(".history .gone").last().waitFor();
        assert.equal(await p.locator("article", { hasText: "not for long" }).count(), 0);
      }
      calm(page);
    });
  });

  describe("reactions", () => {
    it("are chosen from the picker, shown to everybody, and taken off again", async () => {
      await start();
      const bo = await enter("Bo");
      await post("Bo", "who comes along?");
      await act("who comes along?", "React");
      const picker = page.getByRole("dialog", { name: "Choose an emoji" });
      await picker.getByRole("searchbox").fill("party popper");
      await picker.getByRole("button", { name: ":tada:", exact: true }).waitFor();
      await page.keyboard.press("Enter");
      await picker.waitFor({ state: "detached" });
      const mine = row("who comes along?").locator(".reaction.own");
      await mine.waitFor();
      const theirs = row("who comes along?", bo).locator(".reaction").first();
      await theirs.waitFor();
      assert.equal(await theirs.getAttribute("aria-pressed"), "false");
      await theirs.click();
      await row("who comes along?").locator(".reaction", { hasText: "2" }).waitFor();
      assert.match(await mine.textContent(), /You and Bo/);
      await mine.click();
      await row("who comes along?", bo).locator(".reaction", { hasText: "1" }).waitFor();
      await button("React", row("who comes along?").locator(".reactions")).click();
      await picker.waitFor();
      await page.keyboard.press("Escape");
      await picker.waitFor({ state: "detached" });
      calm(page);
    });

    it("the picker goes by arrow keys, has skin tones, and remembers what was used", async () => {
      await start();
      await button("Choose an emoji").click();
      const picker = page.getByRole("dialog", { name: "Choose an emoji" });
      await picker.getByRole("button", { name: ":grinning:", exact: true }).waitFor();
      await picker.getByRole("button", { name: "Dark skin tone", exact: true }).click();
      await picker.getByRole("button", { name: "People and hands" }).click();
      await picker.getByRole("searchbox").fill("wave");
      await picker.getByRole("button", { name: ":wave:", exact: true }).waitFor();
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("ArrowRight");
      await page.keyboard.press("ArrowLeft");
      assert.equal(await page.evaluate(() => document.activeElement?.ariaLabel), ":wave:");
      await page.keyboard.press("Enter");
      await page.waitForFunction(() => document.getElementById("composer")?.value === "👋🏿");
      await button("Choose an emoji").click();
      await picker.getByRole("region", { name: "Used lately" }).getByRole("button", { name: ":wave:", exact: true }).click();
      await page.waitForFunction(() => document.getElementById("composer")?.value === "👋🏿👋🏿");
      await button("Choose an emoji").click();
      await picker.getByRole("button", { name: "No skin tone" }).click();
      await button("Close", picker).click();
      calm(page);
    });
  });

  describe("threads", () => {
    it("replies stand beside the room, those who follow hear of them, and their page lists them", async () => {
      await start();
      const bo = await enter("Bo");
      await post("Bo", "where do we meet?");
      await act("where do we meet?", "Reply in thread");
      await reply().fill("at the hide");
      await reply().press("Enter");
      await inThread("at the hide").waitFor();
      assert.equal(await page.locator(".history article", { hasText: "at the hide" }).count(), 0);
      await row("where do we meet?").getByText("1 reply").waitFor();
      const badge = bo.locator(".side-own .badge");
      await badge.waitFor();
      assert.match(await badge.innerText(), /^1/);
      await row("where do we meet?", bo).getByText("1 reply").click();
      await inThread("at the hide", bo).waitFor();
      await badge.waitFor({ state: "detached" });
      await reply(bo).fill("at eight");
      await bo.getByLabel(/Also send to/).check();
      await button("Send", bo.locator(".thread")).click();
      await inThread("at eight").waitFor();
      await row("at eight").getByRole("button", { name: "In a thread" }).waitFor();
      await button("Following", bo).click();
      await button("Follow", bo).waitFor();
      await post(ada, "bring boots", { thread: (await place.call(ada, "GET", "/threads")).threads[0].root.id });
      await inThread("bring boots", bo).waitFor();
      assert.equal(await badge.count(), 0);
      await button("Close thread", bo).click();
      await bo.locator(".thread").waitFor({ state: "detached" });
      await page.getByRole("link", { name: "Threads" }).click();
      const listed = page.locator(".listed", { hasText: "where do we meet?" });
      await listed.getByText("bring boots").waitFor();
      await page.getByLabel(/Only those with something new/).check();
      await listed.waitFor({ state: "detached" });
      await page.getByLabel(/Only those with something new/).uncheck();
      await listed.getByRole("link", { name: "Open thread" }).click();
      await inThread("bring boots").waitFor();
      await page.reload();
      await inThread("bring boots").waitFor();
      await reply().focus();
      await page.keyboard.press("Escape");
      await page.locator(".thread").waitFor({ state: "detached" });
      calm(page);
      calm(bo);
    });

    it("the address of a reply leads to it, beside what it answers", async () => {
      const root = await post("Bo", "which boat?");
      const r = await post("Cy", "the blue boat", { thread: root.id });
      page = await enter(ada, {}, `/room/${room}/${r.id}`);
      await page.locator(".thread article.marked", { hasText: "the blue boat" }).waitFor();
      await row("which boat?").waitFor();
      await menu("the blue boat", "Copy link to this message", inThread);
      await said("Link copied");
      calm(page);
    });

    it("on a phone a thread has the whole width, and the way back leads to the room", async () => {
      await start({ viewport: phone });
      const root = await post("Bo", "low water at noon");
      await post("Cy", "or at one", { thread: root.id });
      await row("low water at noon").getByText("1 reply").click();
      await inThread("or at one").waitFor();
      assert.equal(await page.locator(".history").isVisible(), false);
      assert.equal((await page.locator(".thread").boundingBox()).width, 390);
      await axe(page, "a thread on a phone");
      await shot("thread-phone");
      await button("Close thread").click();
      await row("low water at noon").waitFor();
      calm(page);
    });
  });

  describe("lists", () => {
    it("pins are for the room: pinned, seen by others, shown in their place, unpinned", async () => {
      await start();
      const bo = await enter("Bo");
      await post("Bo", "the key is under the stone");
      await row("the key is under the stone").waitFor();
      await menu("the key is under the stone", "Pin in this room");
      await row("the key is under the stone", bo).getByText("Pinned").waitFor();
      await button("Pinned messages", bo).click();
      await bo.locator("dialog .listed", { hasText: "the key is" }).getByRole("button", { name: "Show in the room" }).click();
      await bo.locator("article.marked", { hasText: "the key is" }).waitFor();
      await button("Pinned messages").click();
      await page.locator("dialog .listed", { hasText: "the key is" }).getByRole("button", { name: "Unpin" }).click();
      await page.getByText("Nothing is pinned here").waitFor();
      await button("Close").click();
      await row("the key is under the stone").getByText("Pinned", { exact: true }).waitFor({ state: "detached" });
      calm(page);
    });

    it("saved messages are on a list of one's own, on all devices", async () => {
      await start();
      const second = await enter();
      await post("Bo", "read this later");
      await row("read this later").waitFor();
      await row("read this later", second).waitFor();
      await menu("read this later", "Save for later");
      await row("read this later", second).getByText("Saved", { exact: true }).waitFor();
      await page.getByRole("link", { name: "Saved" }).click();
      const listed = page.locator(".listed", { hasText: "read this later" });
      await listed.waitFor();
      await menu("read this later", "Take off the saved list", (t) => page.locator(".listed article", { hasText: t }));
      await row("read this later", second).getByText("Saved", { exact: true }).waitFor({ state: "detached" });
      await listed.getByRole("link", { name: "Show in the room" }).click();
      await page.locator("article.marked", { hasText: "read this later" }).waitFor();
      calm(page);
    });

    // held keeps back what a page says of reading until let go, as a slow
    // connection does.
    const held = async (p) => {
      const list = [];
      let open = false, server;
      await p.routeWebSocket(/\/api\/v1\/feed/, (s) => {
        server = s.connectToServer();
        s.onMessage((m) => (!open && JSON.parse(m).type === "read" ? list.push(m) : server.send(m)));
      });
      return {
        list,
        letGo: () => {
          open = true;
          for (const m of list) server.send(m);
        },
      };
    };
    const times = async (id) => (await place.call(ada, "GET", `/rooms/${id}/read`)).read ?? 0;
    const reached = async (id, time) => {
      for (const end = Date.now() + 60_000; (await times(id)) < time; ) {
        assert.ok(Date.now() < end, "a mark was not stored");
        await new Promise((done) => setTimeout(done, 200));
      }
    };

    it("a room that was marked unread stays so when word comes late that it was read", async () => {
      await place.call("Bo", "PUT", `/rooms/${other}/members/me`, {});
      page = await enter(ada, {}, "/room/" + other);
      await composer().waitFor();
      const marks = await held(page);
      await page.reload();
      await page.goto("/room/" + room);
      let sent = 0;
      for (const n of ["one", "two", "three"]) sent = (await post("Bo", "late " + n)).sent;
      await row("late three").waitFor();
      const says = () => marks.list.map((m) => JSON.parse(m)).filter((m) => m.room === room && m.time >= sent);
      while (!says().length) await page.waitForTimeout(50);
      await menu("late two", "Mark unread from here");
      await page.locator(".side-link.unread", { hasText: "Mud flats" }).waitFor();
      marks.letGo();
      // A mark that is said later is stored later: then the late one was looked at.
      const news = await place.call("Bo", "POST", `/rooms/${other}/messages`, { text: "look here", nonce: "nonce-of-late-news" });
      await page.locator(".side-link", { hasText: "High [water]" }).click();
      await row("look here").waitFor();
      await reached(other, news.sent);
      assert.equal((await place.call(ada, "GET", `/rooms/${room}/read`)).unread, 2);
      await page.locator(".side-link.unread", { hasText: "Mud flats" }).waitFor();
      await page.locator(".side-link", { hasText: "Mud flats" }).click();
      await page.locator(".side-link.unread", { hasText: "Mud flats" }).waitFor({ state: "detached" });
      await reached(room, sent);
      calm(page);
    });

    it("a room is unread from a message on, until it is opened again", async () => {
      await start();
      for (const n of ["one", "two", "three"]) await post("Bo", "unread " + n);
      await row("unread three").waitFor();
      await menu("unread two", "Mark unread from here");
      const link = page.locator(".side-link", { hasText: "Mud flats" });
      await page.locator(".side-link.unread", { hasText: "Mud flats" }).waitFor();
      await page.locator(".fresh-line").waitFor();
      await page.locator(".side-link", { hasText: "High [water]" }).click();
      await page.getByRole("heading", { name: "High [water]" }).waitFor();
      await page.locator(".side-link.unread", { hasText: "Mud flats" }).waitFor();
      await link.click();
      await page.locator(".side-link.unread", { hasText: "Mud flats" }).waitFor({ state: "detached" });
      calm(page);
    });
  });

  describe("commands", () => {
    it("unknown ones are said and not sent; two slashes send any text", async () => {
      await start();
      await send("/nonsense now");
      await said("There is no command /nonsense");
      assert.equal(await composer().inputValue(), "/nonsense now");
      await send("//me is a word");
      await row("/me is a word").waitFor();
      assert.equal(await row("/me is a word").locator(".me").count(), 0);
      await send("/me");
      await said("Write it like /me text");
      calm(page);
    });

    it("those that say something", async () => {
      await start();
      await send("/me counts *godwits*");
      await page.locator(".me", { hasText: "counts" }).last().waitFor();
      await send("/code SELECT *not bold* FROM flats");
      await page.locator("pre .tok-key", { hasText: "SELECT" }).last().waitFor();
      await send("/quote as they say");
      await page.locator("blockquote", { hasText: "as they say" }).last().waitFor();
      await send("/shrug who knows");
      await row("who knows ¯\\_(ツ)_/¯").waitFor();
      await send("/tableflip");
      await row("┻━┻").waitFor();
      calm(page);
    });

    it("those that do something", async () => {
      await start();
      await send("/topic High water at noon");
      await said("Topic changed");
      await page.locator(".room-head", { hasText: "High water at noon" }).waitFor();
      await send("/topic");
      await said("Topic cleared");
      await send("/invite @nobody");
      await said("Nobody here is called @nobody");
      await send("/join #high [water]");
      await page.getByRole("heading", { name: "High [water]" }).waitFor();
      await send("/invite @bo, @cy");
      await said("Invited Bo, Cy");
      await send("/leave");
      await said("You left High [water]");
      await page.goto("/room/" + room);
      await composer().waitFor();
      await send("/join high [water]");
      await page.getByRole("heading", { name: "High [water]" }).waitFor();
      await send("/dm @bo see you there");
      await page.getByRole("heading", { name: "Bo" }).waitFor();
      await row("see you there").waitFor();
      await send("/away");
      await said("You are shown as away");
      await send("/back");
      await said("here again");
      await send("/help");
      await page.getByRole("heading", { name: "Slash commands" }).waitFor();
      await axe(page, "slash commands");
      await button("Close").click();
      assert.equal(await composer().inputValue(), "");
      calm(page);
    });
  });

  describe("writing", () => {
    const options = () => page.getByRole("listbox", { name: "Suggestions" }).getByRole("option");

    it("names, rooms, emoji, emoticons and commands are completed by keys", async () => {
      await start();
      for (const [typed, key, want] of [
        ["hi @b", "Enter", "hi @bo "], ["@al", "Tab", "@all "], ["see #high", "Enter", `see [#High \\[water\\]](${place.url}/room/${other}) `], ["(god", "Enter", "(godwit) "], [":tada", "Enter", "🎉 "], ["/he", "Tab", "/help "],
      ]) {
        await composer().fill("");
        await composer().pressSequentially(typed);
        await options().first().waitFor();
        const active = await composer().getAttribute("aria-activedescendant");
        assert.equal(await page.locator("#" + active).getAttribute("aria-selected"), "true");
        assert.equal(await composer().getAttribute("aria-controls"), await page.getByRole("listbox", { name: "Suggestions" }).getAttribute("id"));
        await page.keyboard.press(key);
        await options().first().waitFor({ state: "detached" });
        assert.equal(await composer().inputValue(), want);
      }
      await composer().fill("");
      await composer().pressSequentially("@");
      await options().first().waitFor();
      const first = await options().first().innerText();
      await page.keyboard.press("ArrowDown");
      assert.equal(await options().nth(1).getAttribute("aria-selected"), "true");
      await page.keyboard.press("ArrowUp");
      assert.equal(await options().first().innerText(), first);
      await options().nth(1).click();
      await options().first().waitFor({ state: "detached" });
      await composer().fill("");
      await composer().pressSequentially("@b");
      await options().first().waitFor();
      await page.keyboard.press("Escape");
      await options().first().waitFor({ state: "detached" });
      assert.equal(await composer().inputValue(), "@b");
      for (const nothing of ["mail@b", "10:30:15", "a/b", "```\n@b", "it (is", ": "]) {
        await composer().fill(nothing.slice(0, -1));
        await page.keyboard.press("End");
        await page.keyboard.type(nothing.slice(-1));
        assert.equal(await options().count(), 0, nothing);
      }
      await composer().fill("");
      calm(page);
    });

    it("a room that is named is a link into it", async () => {
      await start();
      await composer().pressSequentially("look into #high");
      await options().first().waitFor();
      await page.keyboard.press("Enter");
      await page.keyboard.press("Enter");
      await row("look into").getByRole("link", { name: "#High [water]" }).click();
      await page.getByRole("heading", { name: "High [water]" }).waitFor();
      calm(page);
    });

    it("what is pasted becomes Markdown, and an address over a selection a link", async () => {
      await start();
      const paste = (html, plain) => page.evaluate(([h, p]) => {
        const data = new DataTransfer();
        if (h) data.setData("text/html", h);
        data.setData("text/plain", p);
        document.getElementById("composer").dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
      }, [html, plain]);
      const is = async (want) => {
        await page.waitForFunction((w) => document.getElementById("composer").value.length === w.length, want).catch(() => undefined);
        assert.equal(await composer().inputValue(), want);
      };
      for (const [html, plain, want] of [
        ["<p>a <b>bold</b> <i>word</i></p>", "a bold word", "a **bold** *word*"],
        ["<ul><li>one</li><li><a href='https://x.org/'>two</a></li></ul>", "one\ntwo", "- one\n- [two](https://x.org/)"],
        ["<ol><li>one</li><li>two</li></ol>", "one\ntwo", "1. one\n2. two"],
        ["<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2|3</td></tr></table>", "a\tb\n1\t2|3", "| a | b |\n| --- | --- |\n| 1 | 2\\|3 |"],
        ["<pre>x\n  y</pre>", "x y", "```\nx\n  y\n```"],
        ["<b style='font-weight:normal'><p>not bold</p><p>at <i>all</i></p></b><script>alert(1)</script>", "not bold at all", "not bold\n\nat *all*"],
        ["<a href='javascript:alert(1)'>click <b>me</b></a>", "click me", "click **me**"],
      ]) {
        await composer().fill("");
        await paste(html, plain);
        await is(want);
      }
      await composer().fill("the tables are here");
      await composer().evaluate((a) => a.setSelectionRange(4, 10));
      await paste("", "https://tides.example.org/a?b=c");
      await is("the [tables](https://tides.example.org/a?b=c) are here");
      await composer().fill("");
      calm(page);
    });

    it("a text of several lines, code among it, arrives as it was written", async () => {
      await start();
      await composer().fill("");
      await composer().pressSequentially("first");
      await page.keyboard.press("Shift+Enter");
      await page.keyboard.type("```go");
      await page.keyboard.press("Shift+Enter");
      await page.keyboard.type("x := \"@all :tada: <b>\"");
      await page.keyboard.press("Shift+Enter");
      await page.keyboard.type("```");
      await page.keyboard.press("Enter");
      await row("first").locator("pre .tok-str", { hasText: "\"@all :tada: <b>\"" }).waitFor();
      assert.equal(await row("first").locator(".mention").count(), 0);
      calm(page);
    });
  });

  describe("emoticons", () => {
    const picture = png(8, 8, [200, 90, 40]);
    const choose = (name, buffer = picture) => page.getByLabel("Picture").setInputFiles({ name, mimeType: "image/png", buffer });

    it("are added with a picture, drawn at once for everybody, and deleted", async () => {
      page = await enter(ada, {}, "/emoticons");
      const bo = await enter("Bo");
      await choose("Happy wader.png");
      assert.equal(await page.getByLabel("Shortcut").inputValue(), "happy_wader");
      await page.getByRole("img", { name: "Preview" }).waitFor();
      await button("Add").click();
      await said("(happy_wader) added");
      await post("Bo", "(happy_wader) :happy_wader:");
      await row("", bo).locator("img.emoticon").nth(1).waitFor();
      await choose("again.png");
      await page.getByLabel("Shortcut").fill("HAPPY_wader");
      await button("Add").click();
      await page.getByText("there is an emoticon (HAPPY_wader) already").waitFor();
      await page.getByLabel("Shortcut").fill("two words");
      await button("Add").click();
      await page.getByText("cannot be the shortcut").waitFor();
      await choose("no.png", Buffer.from("<svg onload=alert(1)>"));
      await page.getByLabel("Shortcut").fill("bad");
      await button("Add").click();
      await page.getByText("this is no picture that can be used").waitFor();
      await page.getByLabel("Find an emoticon").fill("happy");
      assert.equal(await page.locator(".emoticon-list li").count(), 1);
      await page.getByLabel("Only administrators may add emoticons").check();
      await said("Saved");
      await bo.goto("/emoticons");
      await bo.getByText("Only administrators add emoticons here.").waitFor();
      await page.getByLabel("Only administrators may add emoticons").uncheck();
      await button("Delete (happy_wader)").click();
      await said("Emoticon deleted");
      calm(page, [/409|400/]);
    });
  });

  it("everything can be reached with keys alone", async () => {
    await start();
    await post("Bo", "by keys alone");
    await row("by keys alone").waitFor();
    await composer().focus();
    await page.keyboard.press("F6");
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("ArrowDown");
    assert.match(await page.evaluate(() => document.activeElement?.textContent ?? ""), /by keys alone/);
    await page.keyboard.press("r");
    await page.getByRole("dialog", { name: "Choose an emoji" }).getByRole("button", { name: ":grinning:", exact: true }).waitFor();
    await page.keyboard.type("heart");
    await page.getByRole("region", { name: "Found" }).waitFor();
    await page.keyboard.press("Enter");
    await row("by keys alone").locator(".reaction.own").waitFor();
    await row("by keys alone").focus();
    await page.keyboard.press("m");
    await page.getByRole("menu").waitFor();
    for (let n = 0; n < 12 && !/Save for later/.test(await page.evaluate(() => document.activeElement?.textContent ?? "")); n++) await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await row("by keys alone").getByText("Saved", { exact: true }).waitFor();
    await row("by keys alone").focus();
    await page.keyboard.press("m");
    await page.getByRole("menu").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("menu").waitFor({ state: "detached" });
    await row("by keys alone").focus();
    await page.keyboard.press("t");
    await page.waitForFunction(() => document.activeElement?.id === "composer-thread");
    await page.keyboard.type("and back");
    await page.keyboard.press("Enter");
    await inThread("and back").waitFor();
    await page.keyboard.press("Escape");
    await page.locator(".thread").waitFor({ state: "detached" });
    calm(page);
  });

  it("a long press opens the menu as a sheet on a phone", async () => {
    await start({ viewport: phone });
    await post("Bo", "press me long");
    await row("press me long").waitFor();
    const box = await row("press me long").locator(".body").boundingBox();
    const client = await page.context().newCDPSession(page);
    await client.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: [{ x: box.x + 20, y: box.y + 8 }] });
    await page.getByRole("menu").waitFor();
    await client.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
    await axe(page, "the sheet");
    await shot("sheet-phone");
    await page.getByRole("menuitem", { name: "React" }).tap();
    await page.getByRole("dialog", { name: "Choose an emoji" }).getByRole("button", { name: ":grinning:", exact: true }).tap();
    await row("press me long").locator(".reaction.own").waitFor();
    calm(page);
  });

  it("axe finds nothing, light and dark, on desks and phones", { timeout: 300_000 }, async () => {
    const root = await post("Bo", "look at **all** of `this`\n\n```go\nfunc f() string { return \"a\" } // 12\n```\n\n- [x] done\n\n> quoted\n\n```diff\n+in\n-out\n```");
    await post("Cy", "a reply", { thread: root.id });
    await place.call(ada, "PUT", `/messages/${root.id}/follow`);
    await place.call(ada, "PUT", `/messages/${root.id}/saved`);
    await place.call(ada, "PUT", `/messages/${root.id}/pin`);
    for (const emoji of ["👍️", ":godwit:"]) await place.call(ada, "POST", `/messages/${root.id}/reactions`, { emoji, on: true });
    await place.call("Bo", "PATCH", `/messages/${root.id}`, { text: "look at **all** of `this`\n\n```go\nfunc f() string { return \"a\" } // 12\n```\n\n- [x] done\n\n> quoted\n\n```diff\n+in\n-out\n```\n\nand more" });
    for (const [size, viewport] of Object.entries({ wide, phone })) {
      for (const dark of [false, true]) {
        const name = `${size} ${dark ? "dark" : "light"}`;
        await start({ viewport, dark });
        await row("and more").waitFor();
        const see = async (what) => {
          await page.waitForTimeout(100);
          await axe(page, `${what}, ${name}`);
          await shot(`${what.replaceAll(" ", "-")}-${size}-${dark ? "dark" : "light"}`);
        };
        await see("a room with all");
        if (size === "wide") {
          await act("and more", "More actions");
          await see("the menu");
          await page.keyboard.press("Escape");
        }
        await button("Choose an emoji").click();
        await page.getByRole("button", { name: ":grinning:", exact: true }).waitFor();
        await see("the picker");
        await page.keyboard.press("Escape");
        await composer().fill("");
        await composer().pressSequentially("@");
        await page.getByRole("option").first().waitFor();
        await see("suggestions");
        await page.keyboard.press("Escape");
        await composer().fill("");
        await button("Pinned messages").click();
        await page.locator("dialog .listed").first().waitFor();
        await see("pins");
        await button("Close").click();
        await button("(edited)", row("and more")).click();
        await page.locator(".revisions li").first().waitFor();
        await see("earlier texts");
        await button("Close").click();
        await page.goto(`/room/${room}?thread=${root.id}`);
        await inThread("a reply").waitFor();
        await see("a thread");
        for (const [where, ready] of [["/threads", ".listed"], ["/saved", ".listed"], ["/emoticons", ".emoticon-list li"]]) {
          await page.goto(where);
          await page.locator(ready).first().waitFor();
          await see(where.slice(1) + " page");
        }
        calm(page);
        await pages.pop().context().close();
      }
    }
  });
});
