// What people do with the client, in a browser, against the mock server.
import assert from "node:assert/strict";
import { after, before, beforeEach, afterEach, describe, it } from "node:test";
import { id, Mock, people } from "../dev/mock.mjs";
import { axe, calm, launch, open, signIn } from "./browser.mjs";

let mock, browser, page;
before(async () => {
  browser = await launch();
});
after(() => browser.close());
beforeEach(async () => {
  mock = new Mock();
  await mock.listen();
});
afterEach(async () => {
  await page?.context().close();
  await mock.close();
});

async function enter(path, options = {}) {
  mock.signedIn = true;
  page = await open(browser, { url: mock.url, ...options });
  await page.goto(path);
  await page.locator(".sidebar").waitFor({ state: "attached" });
}

const quiet = "/room/" + id(2, 13);
const composer = () => page.getByRole("textbox", { name: /^Message / });
const button = (name) => page.getByRole("button", { name, exact: true });

describe("signing in", () => {
  it("a wrong password is said clearly, the right one leads to the room that was asked for", async () => {
    page = await open(browser, { url: mock.url });
    await page.goto(quiet);
    await page.getByLabel(/^E-mail/).fill("ann");
    await page.getByLabel("Password", { exact: true }).fill("wrong");
    await button("Sign in").click();
    await page.getByText("The name or the password is wrong.").waitFor();
    await page.getByLabel("Password", { exact: true }).fill("long enough");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Count 13" }).waitFor();
    calm(page, [/401/]);
  });

  it("a link sets a password once, and says when it cannot be used", async () => {
    page = await open(browser, { url: mock.url });
    await page.goto("/link/good-secret");
    await page.getByText("Welcome, Ann Oystercatcher.").waitFor();
    const set = async (a, b) => {
      await page.getByLabel("New password").fill(a);
      await page.getByLabel("The same again").fill(b);
      await button("Set the password and sign in").click();
    };
    await set("short", "short");
    await page.getByText("The password has fewer than 10 characters.").waitFor();
    await set("a long password", "another password");
    await page.getByText("The two passwords are not the same.").waitFor();
    await set("a long password", "a long password");
    await page.locator("article[data-id]").first().waitFor();
    calm(page);
    await page.goto("/link/good-secret");
    await page.getByText("This link cannot be used").waitFor();
    await page.getByRole("link", { name: "Go to sign-in" }).click();
    await page.locator(".sidebar").waitFor();
    calm(page, [/404/]);
  });

  it("signing out leaves nothing behind on the page", async () => {
    await enter("/preferences");
    await button("Sign out").click();
    await page.getByRole("heading", { name: "Sign in to Godwit" }).waitFor();
    assert.doesNotMatch(await page.locator("body").innerText(), /Tidal flats|Oystercatcher/);
    calm(page);
  });

  it("a session that ended elsewhere leads back to signing in", async () => {
    await enter(quiet);
    await page.locator("article[data-id]").first().waitFor();
    mock.signedIn = false;
    await page.getByRole("link", { name: "Tidal flats" }).click();
    await page.getByText("You were signed out. Sign in again to go on.").waitFor();
    calm(page, [/401/]);
  });
});

describe("writing", () => {
  it("Enter sends once, Shift+Enter begins a line, and the text is gone from the box", async () => {
    await enter(quiet);
    await composer().fill("First line");
    await composer().press("Shift+Enter");
    await composer().pressSequentially("second line");
    await composer().press("Enter");
    await page.locator("article", { hasText: "First line second line" }).waitFor();
    assert.equal(await composer().inputValue(), "");
    assert.equal(mock.requests.filter((r) => r.startsWith("POST") && r.endsWith("/messages")).length, 1);
    assert.equal(await page.locator(".draft").count(), 0);
    calm(page);
  });

  it("a name after an @ is completed, and Enter takes it without sending", async () => {
    await enter(quiet);
    await composer().pressSequentially("Look, @cur");
    await page.getByRole("option", { name: /Bob Curlew/ }).waitFor();
    await composer().press("Enter");
    assert.equal(await composer().inputValue(), "Look, @bob ");
    await composer().pressSequentially("and @zz");
    assert.equal(await page.getByRole("option").count(), 0);
    await composer().press("Enter");
    await page.locator("article", { hasText: "Look, @bob and @zz" }).waitFor();
    calm(page);
  });

  it("the send button sends, and does nothing while there is nothing", async () => {
    await enter(quiet);
    assert.ok(await button("Send").isDisabled());
    await composer().fill("By button");
    await button("Send").click();
    await page.locator("article", { hasText: "By button" }).waitFor();
    calm(page);
  });

  it("a message that cannot be taken just now waits, with the reason, and is sent again under the same nonce", async () => {
    await enter(quiet);
    mock.failPosts = 1;
    await composer().fill("Try me twice");
    await composer().press("Enter");
    await page.getByText("Not sent yet: Writes are paused.").waitFor();
    await button("Send again").click();
    await page.locator("article", { hasText: "Try me twice" }).waitFor();
    assert.equal(await page.locator("article", { hasText: "Try me twice" }).count(), 1);
    assert.equal(mock.nonces.size, 1);
    calm(page, [/503/]);
  });

  it("a refused message can be discarded", async () => {
    await enter(quiet);
    mock.refusePosts = 2;
    await composer().fill("Never mind");
    await composer().press("Enter");
    await page.getByText("Not sent: Nothing can be written here.").waitFor();
    await button("Send again").click();
    await page.waitForFunction(() => performance.getEntriesByType("resource").filter((r) => r.name.endsWith("/messages")).length >= 2);
    await page.getByText("Not sent: Nothing can be written here.").waitFor();
    await page.reload();
    await page.getByText("Not sent: Nothing can be written here.").waitFor();
    await button("Discard").click();
    assert.equal(await page.locator(".draft").count(), 0);
    await page.reload();
    await page.locator("article[data-id]").first().waitFor();
    assert.equal(await page.locator(".draft").count(), 0);
    assert.equal(mock.nonces.size, 0);
    calm(page, [/403/]);
  });

  it("without a connection a bar says what waits, and it is sent when the connection is back", async () => {
    await enter(quiet);
    await page.locator("article[data-id]").first().waitFor();
    mock.down = true;
    mock.hangUp();
    await composer().fill("Through the fog");
    await composer().press("Enter");
    await page.getByText("No connection. 1 message waiting to be sent.").waitFor();
    mock.down = false;
    await page.evaluate(() => dispatchEvent(new Event("online")));
    await page.locator("article", { hasText: "Through the fog" }).waitFor();
    await page.locator(".offline").waitFor({ state: "detached" });
    calm(page, [/ERR_|WebSocket/]);
  });

  it("what was not sent is kept for each room", async () => {
    await enter(quiet);
    await composer().fill("Half a thought");
    await page.getByRole("link", { name: "Tidal flats" }).click();
    await page.getByRole("textbox", { name: "Message Tidal flats" }).waitFor();
    assert.equal(await composer().inputValue(), "");
    await page.goto(quiet);
    assert.equal(await composer().inputValue(), "Half a thought");
    calm(page);
  });

  it("an archived room says why nobody can write", async () => {
    await enter("/room/" + id(2, 8));
    await page.getByText("This room is archived. It can be read, but not written in.").waitFor();
    assert.equal(await composer().count(), 0);
    calm(page);
  });
});

describe("texts that attack", () => {
  it("names, titles, texts, links, pictures and file names are shown as they are and do nothing", async () => {
    await enter("/room/" + id(2, 2));
    await page.locator("article[data-id]").first().waitFor();
    await page.getByText('<script>window.hacked=1</script>').waitFor();
    const acts = await page.$$eval("#history a[href], #history img[src]", (all) =>
      all.map((e) => e.getAttribute("href") ?? e.getAttribute("src")).filter((u) => /^javascript:|^\/\/|evil/i.test(u)));
    assert.deepEqual(acts, []);
    assert.equal(await page.locator("#history script, #history [onerror], #history [onmouseover]").count(), 0);
    await page.locator("button.name", { hasText: "<b onmouseover" }).first().click();
    await page.getByRole("dialog").getByText("<img src=x onerror=alert(1)>").waitFor();
    await page.keyboard.press("Escape");
    await page.goto("/people");
    await page.getByText("<img src=x onerror=alert(1)>").waitFor();
    await page.goto("/search?q=" + encodeURIComponent("<img src=x onerror=alert(1)>"));
    await page.getByText("No message fits").waitFor();
    assert.equal(await page.evaluate(() => window.hacked), undefined);
    calm(page);
  });

  it("a picture of another server is not fetched before it is asked for", async () => {
    await enter("/room/" + id(2, 2));
    const outside = [];
    await page.route(/pictures\.example\.org/, (r) => {
      outside.push(r.request().url());
      return r.fulfill({ status: 200, contentType: "image/svg+xml", body: "<svg xmlns='http://www.w3.org/2000/svg'/>" });
    });
    await page.getByText("Chart of the week").waitFor();
    assert.equal(outside.length, 0);
    await button("Show picture").first().click();
    await page.locator(".outside-picture").first().waitFor({ state: "attached" });
    await page.waitForFunction(() => document.querySelector(".outside-picture").complete);
    assert.equal(outside.length, 1);
  });
});

describe("finding", () => {
  it("search completes names, marks the words, pages on, and leads to the message in its room", async () => {
    await enter("/search");
    const box = page.getByRole("combobox", { name: "Search all messages" });
    await box.fill("in:tid");
    await page.getByRole("option", { name: "Tidal flats" }).waitFor();
    await box.press("ArrowDown");
    await box.press("Enter");
    assert.equal(await box.inputValue(), 'in:"Tidal flats" ');
    await box.pressSequentially("from:an");
    await page.getByRole("option", { name: /Ann Oystercatcher/ }).click();
    assert.equal(await box.inputValue(), 'in:"Tidal flats" from:ann ');
    await box.fill("tide");
    await box.press("Enter");
    await page.locator("mark", { hasText: "tide" }).first().waitFor();
    await page.getByText("1,204 messages cannot be found yet").waitFor();
    const n = await page.locator(".result").count();
    await button("Older results").click();
    await page.waitForFunction((k) => document.querySelectorAll(".result").length > k, n);
    await page.getByRole("link", { name: "Show in the room" }).first().click();
    await page.locator("article.marked").waitFor();
    await page.goBack();
    await page.locator("mark").first().waitFor();
    calm(page);
  });

  it("filters of a search are a click away, and stand in the box", async () => {
    await enter("/search?q=tide");
    const box = page.getByRole("combobox", { name: "Search all messages" });
    await button("Has a file").click();
    await page.waitForURL(/has%3Afile/);
    assert.equal(await box.inputValue(), "tide has:file");
    assert.equal(await button("Has a file").getAttribute("aria-pressed"), "true");
    await page.getByLabel("After").fill("2018-03-01");
    await page.waitForURL(/after%3A2018-03-01/);
    await button("Has a file").click();
    await button("Has a link").click();
    await page.waitForURL(/has%3Alink/);
    await button("From…").click();
    assert.equal(await box.inputValue(), "tide after:2018-03-01 has:link from:");
    await box.pressSequentially("an");
    await page.getByRole("option", { name: /Ann Oystercatcher/ }).click();
    await button("In…").click();
    assert.equal(await box.inputValue(), "tide after:2018-03-01 has:link from:ann in:");
    await page.getByLabel("Before").fill("2018-04-01");
    await page.waitForURL(/before%3A2018-04-01/);
    calm(page);
  });

  it("the directory finds archived rooms when asked, and shows more", async () => {
    await enter("/rooms");
    await page.getByRole("link", { name: /Count 13/ }).first().waitFor();
    assert.equal(await page.getByRole("link", { name: /Winter 2012/ }).count(), 0);
    await button("Show more").click();
    await button("Archived").click();
    await page.getByRole("link", { name: /Winter 2012/ }).waitFor();
    await page.getByLabel("Find a room").fill("winter");
    await page.getByRole("link", { name: /Winter 2012/ }).click();
    await page.getByRole("heading", { name: /Winter 2012/ }).waitFor();
    calm(page);
  });

  it("the directory of people finds by name and title, those who left too", async () => {
    await enter("/people");
    await page.getByLabel("Find a person").fill("sandpiper");
    await page.getByText("Nobody fits.").waitFor();
    await page.getByLabel("People who left too").check();
    await page.getByRole("link", { name: /Old Sandpiper/ }).nth(0).click();
    await page.getByRole("heading", { name: /Old Sandpiper/ }).waitFor();
    calm(page);
  });
});

describe("administrators", () => {
  it("make a sign-in link and copy it", async () => {
    await enter("/admin");
    await page.getByText("1,050,213").waitFor();
    await page.getByText("14 files have no bytes.").waitFor();
    await button("Count again").click();
    await page.getByRole("link", { name: "People", exact: true }).last().click();
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.getByLabel(/^Find by any part/).fill("BOB@EXAMPLE");
    await button("Make sign-in link for Bob Curlew").click();
    await button("Copy").click();
    await page.getByText("Link copied").waitFor();
    assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^https:\/\/chat\.example\.org\/link\//);
    await page.keyboard.press("Escape");
    calm(page);
  });
});

describe("looks", () => {
  it("the appearance is kept", async () => {
    await enter("/preferences");
    await page.getByLabel("Dark").check();
    await page.reload();
    assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme), "dark");
    calm(page);
  });

  it("long texts and code are folded until asked for", async () => {
    await enter("/room/" + id(2, 2));
    const more = page.locator(".folded + .small-button");
    await more.first().waitFor();
    const n = await more.count();
    await more.first().click();
    await button("Show less").waitFor();
    assert.equal(await page.locator(".folded").count(), n - 1);
    calm(page);
  });

  it("a picture opens large, turns to the next, and closes", async () => {
    await enter("/room/" + id(2, 2));
    await button("Show north-bank-1.jpg larger").click();
    const dialog = page.getByRole("dialog", { name: "north-bank-1.jpg" });
    await dialog.getByRole("link", { name: "Download" }).waitFor();
    await page.keyboard.press("ArrowRight");
    await page.getByRole("dialog", { name: /very tall/ }).waitFor();
    await button("Close").click();
    assert.equal(await page.getByRole("dialog").count(), 0);
    calm(page);
  });
});

describe("by keyboard alone", () => {
  it("sign in, jump to a room, read, copy a link, write, get help, and come back", async () => {
    page = await open(browser, { url: mock.url });
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.goto("/");
    await page.locator("#login:focus").waitFor();
    await page.keyboard.type("ann");
    await page.keyboard.press("Tab");
    await page.keyboard.type("long enough");
    await page.keyboard.press("Enter");
    await page.locator("#composer:focus").waitFor();
    await page.keyboard.press("Control+k");
    await page.keyboard.type("every kind");
    await page.getByRole("option", { name: /Every kind/ }).waitFor();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Every kind" }).waitFor();
    await page.locator("#composer:focus").waitFor();
    await page.keyboard.type("Written without a mouse");
    await page.keyboard.press("Enter");
    await page.locator("article", { hasText: "Written without a mouse" }).waitFor();
    await page.evaluate(() => document.getElementById("history").focus());
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("c");
    await page.getByText("Link copied").waitFor();
    assert.match(await page.evaluate(() => navigator.clipboard.readText()), /\/room\/[\w-]+\/[\w-]+$/);
    await page.keyboard.press("Home");
    await page.keyboard.press("Escape");
    await page.waitForFunction(() => {
      const b = document.getElementById("history");
      return b === document.activeElement && b.scrollHeight - b.scrollTop - b.clientHeight < 4;
    });
    await page.keyboard.press("Shift+?");
    await page.getByRole("dialog", { name: "Keyboard help" }).waitFor();
    await page.keyboard.press("Escape");
    assert.equal(await page.getByRole("dialog").count(), 0);
    assert.ok(await page.evaluate(() => document.activeElement.closest("#history") !== null), "the focus is back in the history");
    await page.keyboard.press("Alt+ArrowUp");
    await page.getByRole("heading", { name: "Every kind" }).waitFor({ state: "detached" });
    await page.keyboard.press("Control+k");
    await page.keyboard.press("Escape");
    await page.locator("#composer:focus").waitFor();
    calm(page, [/401/]);
  });

  it("the calendar moves by arrows and goes by Enter", async () => {
    await enter("/room/" + id(2, 1));
    await page.locator("article[data-id]").first().waitFor();
    await button("Jump to a date").press("Enter");
    await page.locator(".month-day[tabindex='0']").focus();
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("ArrowUp");
    await page.locator(".month-day[tabindex='0']:focus").filter({ hasText: "11" }).waitFor();
    await page.keyboard.press("Enter");
    await page.locator(".day-line", { hasText: "11 May 2013" }).waitFor();
    calm(page);
  });
});

describe("writing among many", () => {
  it("no key takes over 50 ms with 1,600 people, whatever is completed", { timeout: 300_000 }, async () => {
    mock.people = [...people, ...Array.from({ length: 1600 }, (_, n) => ({ id: id(3, n + 1), name: `Wader ${n} of the Northern Flats`, mention: `flats${n}`, role: "member" }))];
    const room = mock.rooms.get(id(2, 13));
    mock.rooms.set(room.id, { ...room, people: mock.people.map((p) => p.id), members: mock.people.length });
    await enter(quiet);
    await composer().waitFor();
    const typed = "hi @flats15 and @w :wav (god #cou\n@nor";
    const round = () => page.evaluate(async (text) => {
      const box = document.getElementById("composer");
      box.focus();
      box.select();
      document.execCommand("delete");
      const times = [];
      for (const letter of text) {
        const begin = performance.now();
        document.execCommand("insertText", false, letter);
        await new Promise((done) => requestAnimationFrame(() => {
          const after = new MessageChannel();
          after.port1.onmessage = done;
          after.port2.postMessage(0);
        }));
        times.push(performance.now() - begin);
      }
      return times;
    }, typed);
    await round(); // the emoji come meanwhile
    // The machine may be busy with something else for a while.
    const rounds = [];
    const slow = () => [...typed].map((letter, i) => [letter, Math.min(...rounds.map((r) => r[i]))]).filter(([, ms]) => ms > 50);
    while (rounds.length < 20 && (rounds.length < 3 || slow().length)) rounds.push(await round());
    assert.deepEqual(slow(), []);
    await page.getByRole("option").first().waitFor();
    calm(page);
  });

  it("@all and @here in a big room are sent only after a question, and never out of code", async () => {
    const room = mock.rooms.get(id(2, 13));
    mock.rooms.set(room.id, { ...room, people: people.slice(0, 40).map((p) => p.id), members: 40 });
    await enter(quiet);
    await page.getByText("40 members").first().waitFor({ state: "attached" }).catch(() => undefined);
    const send = async (text) => {
      await composer().fill(text);
      await page.keyboard.press("Escape");
      await page.keyboard.press("Enter");
    };
    await send("`@all` is a word");
    await page.locator("article", { hasText: "is a word" }).waitFor();
    await send("@all come here");
    await page.getByRole("heading", { name: "Call everybody with @all?" }).waitFor();
    await page.getByText("39 other members").waitFor();
    await axe(page, "the question before many are called");
    await button("Cancel").click();
    assert.equal(await composer().inputValue(), "@all come here");
    assert.equal(mock.posts, 1);
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").getByRole("button", { name: "Send" }).click();
    await page.locator("article", { hasText: "@all come here" }).waitFor();
    await send("@here too"); // two are here
    await page.locator("article", { hasText: "@here too" }).waitFor();
    assert.equal(mock.posts, 3);
    calm(page);
  });
});
