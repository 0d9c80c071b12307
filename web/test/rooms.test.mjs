// Rooms in a real browser: everything that sends something is clicked, and
// what the server was asked is compared; axe looks at every dialog.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { id, Mock } from "../dev/mock.mjs";
import { axe, calm, launch, open, phone, wide } from "./browser.mjs";

const room = (n) => "/room/" + id(2, n);
const at = (n, rest = "") => `/api/v1/rooms/${id(2, n)}${rest}`;

let mock, browser, page;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

async function fresh(options = {}) {
  if (page) await page.context().close();
  if (mock) await mock.close();
  mock = new Mock();
  await mock.listen();
  mock.signedIn = true;
  page = await open(browser, { url: mock.url, viewport: wide, ...options });
}
after(async () => {
  await page?.context().close();
  await mock?.close();
});

const show = async (path, ready = "article[data-id], .empty") => {
  await page.goto(path);
  await page.locator(ready).first().waitFor();
};
const button = (name, exact = true) => page.getByRole("button", { name, exact });
const asked = (what) => mock.requests.filter((r) => r === what).length;
// sent waits until the server was asked something, once.
async function sent(what) {
  for (let i = 0; i < 100 && !asked(what); i++) await page.evaluate(() => new Promise(requestAnimationFrame));
  assert.equal(asked(what), 1, `${what} was asked ${asked(what)} times of ${mock.requests.slice(-5)}`);
}
const details = async () => {
  await button("Room details").click();
  await page.locator("dialog.details .facts").waitFor();
};

describe("rooms are made and looked after", () => {
  beforeEach(() => fresh());

  it("a room is made with people in it, and shown", async () => {
    await show(room(1));
    await button("Make a room").click();
    const send = page.locator("dialog").getByRole("button", { name: "Make the room" });
    assert.ok(await send.isDisabled(), "a room without a name can be made");
    await page.getByLabel("Name", { exact: true }).fill("Salt marsh");
    await page.locator("#room-topic").fill("Glasswort");
    await page.getByLabel(/^Private room/).check();
    await page.getByRole("combobox", { name: "People to invite" }).fill("curl");
    await page.keyboard.press("Enter");
    await page.getByRole("combobox", { name: "People to invite" }).fill("whimb");
    await page.keyboard.press("Enter");
    assert.equal(await page.locator(".chip").count(), 2);
    await page.getByRole("combobox", { name: "People to invite" }).press("Backspace");
    assert.equal(await page.locator(".chip").count(), 1);
    await axe(page, "a new room");
    await send.click();
    await page.getByRole("heading", { name: "Salt marsh", level: 1 }).waitFor();
    await sent("POST /api/v1/rooms");
    assert.ok(await page.locator(".sidebar").getByRole("link", { name: "Salt marsh" }).isVisible());
    const made = [...mock.rooms.values()].at(-1);
    assert.deepEqual([made.type, made.topic, made.people.length], ["private", "Glasswort", 2]);
    calm(page);
  });

  it("a name that is taken is said, and nothing is lost", async () => {
    await show("/rooms", ".line-card");
    await page.locator(".page-head").getByRole("button", { name: "Make a room" }).click();
    await page.getByLabel("Name", { exact: true }).fill("tidal FLATS");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").getByText("already").waitFor();
    assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), "tidal FLATS");
    await button("Cancel").click();
    calm(page, [/409/]);
  });

  it("the topic is changed where it stands", async () => {
    await show(room(2));
    const topic = page.getByRole("button", { name: /^Change the topic/ });
    await topic.click();
    await page.getByLabel("Change the topic").fill("never mind");
    await page.keyboard.press("Escape");
    await topic.click();
    await page.getByLabel("Change the topic").fill("Another topic");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Change the topic: Another topic" }).waitFor();
    await sent("PATCH " + at(2));
    calm(page);
  });

  it("favourites, levels, leaving and links are in the menu of a room", async () => {
    await show(room(2));
    const menu = () => button("Room menu").click();
    await menu();
    await axe(page, "a room's menu");
    await page.getByRole("menuitem", { name: "Add to the favourites" }).click();
    await sent("PUT " + at(2, "/mine"));
    await page.locator(".side-part").first().getByRole("link", { name: "Every kind" }).waitFor();
    await menu();
    await page.getByRole("menuitemradio", { name: "Mentions" }).click();
    await menu();
    assert.equal(await page.getByRole("menuitemradio", { name: "Mentions" }).getAttribute("aria-checked"), "true");
    await page.keyboard.press("Escape");
    assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("aria-label")), "Room menu", "the focus is lost");
    await menu();
    await page.getByRole("menuitem", { name: "Leave the room" }).click();
    await sent("DELETE " + at(2, "/members/me"));
    await page.getByText("You left Every kind.").waitFor();
    assert.equal(await page.locator(".sidebar").getByRole("link", { name: "Every kind" }).count(), 0);
    calm(page);
  });

  it("a server that refuses gets its say, and what was shown goes back", async () => {
    await show(room(2));
    mock.down = true;
    await button("Add to the favourites").click();
    await page.locator(".said").getByText("does not answer").waitFor();
    assert.ok(await button("Add to the favourites").isVisible());
    mock.down = false;
  });

  it("everything of the details is sent", async () => {
    await show(room(3));
    await details();
    await axe(page, "details");
    await page.locator("#rename").fill("Nests");
    await page.locator("#rename").press("Enter");
    await page.getByRole("heading", { name: "Nests", level: 1 }).waitFor();
    await page.locator("#retopic").fill("Quiet");
    await page.locator("dialog").getByRole("button", { name: "Save" }).nth(1).click();
    await page.locator("dialog").getByLabel("Favourites").check();
    await page.locator("dialog select").selectOption("none");
    await page.getByLabel("Find a member").fill("curlew");
    await button("What to do with Bob Curlew").click();
    await axe(page, "what to do with a member");
    await button("Make an administrator of the room").click();
    await sent(`PUT ${at(3, "/members/")}${id(1, 2)}`);
    await page.locator(".member-list li", { hasText: "Bob Curlew" }).getByText("Administrator").waitFor();
    await button("What to do with Bob Curlew").click();
    await button("Make the owner").click();
    await sent("PUT " + at(3, "/owner"));
    await page.locator(".member-list li", { hasText: "Bob Curlew" }).getByText("Owner").waitFor();
    await page.getByLabel("Find a member").fill("chidi");
    await button("What to do with Chidi Whimbrel").click();
    await button("Take out of the room").click();
    await sent(`DELETE ${at(3, "/members/")}${id(1, 3)}`);
    await page.getByText("No member fits.").waitFor();
    calm(page);
  });

  it("the guest address is switched on, renewed and switched off", async () => {
    await show(room(3));
    await details();
    await button("Switch guests on").click();
    const address = page.getByRole("textbox", { name: "Guest address" });
    await address.waitFor();
    const first = await address.inputValue();
    await axe(page, "a guest address");
    await button("Make another address").click();
    await sent("POST " + at(3, "/guest"));
    await page.waitForFunction((old) => document.querySelector('[aria-label="Guest address"]')?.value !== old, first);
    await button("Switch guests off").click();
    await button("Switch guests on").waitFor();
    await sent("DELETE " + at(3, "/guest"));
    calm(page);
  });

  it("what changes a room for everybody is asked once more", async () => {
    await show(room(3));
    await details();
    await button("Make it open").click();
    const ask = page.getByRole("alertdialog");
    assert.match(await ask.innerText(), /\d+ people will be able to find this room and read all that was ever said in it/);
    await axe(page, "a question");
    await ask.getByRole("button", { name: "Cancel" }).click();
    assert.equal(asked("PATCH " + at(3)), 0, "it was sent though it was cancelled");
    await button("Make it open").click();
    await button("Yes: make it open").click();
    await sent("PATCH " + at(3));
    await button("Make it private").waitFor();
    await button("Archive").click();
    await button("Yes: archive").click();
    await sent("PUT " + at(3, "/state"));
    await button("Open it again").click();
    await button("Archive").waitFor();
    await button("Delete").click();
    await button("Yes: delete").click();
    await page.getByText("Nest sites is deleted.").waitFor();
    assert.equal(mock.rooms.get(id(2, 3)).state, "deleted");
    assert.equal(await page.locator(".sidebar").getByRole("link", { name: "Nest sites" }).count(), 0);
    calm(page);
  });

  it("people are invited, and into a conversation that is another one", async () => {
    await show(room(2));
    await details();
    await button("Invite people").click();
    await page.getByRole("combobox", { name: "People to invite" }).fill("wader 60");
    await page.getByRole("option", { name: /Wader 60/ }).click();
    await axe(page, "inviting");
    await page.locator("dialog").getByRole("button", { name: "Invite" }).click();
    await sent("POST " + at(2, "/members"));
    await show(room(12));
    await button("Room menu").click();
    await page.getByRole("menuitem", { name: "Invite people" }).click();
    await page.getByText("this begins another group").waitFor();
    await page.getByRole("combobox", { name: "People to invite" }).fill("wader 61");
    await page.keyboard.press("Enter");
    await page.locator("dialog").getByRole("button", { name: "Begin" }).click();
    await sent("POST " + at(12, "/members"));
    await page.waitForFunction((old) => !location.pathname.endsWith(old), id(2, 12));
    calm(page);
  });
});

describe("the sidebar", () => {
  beforeEach(() => fresh());
  const order = () => page.$$eval(".side-part:nth-of-type(2) [data-room]", (all) => all.map((a) => a.textContent));

  it("rooms are moved with the keyboard, and the focus stays", async () => {
    await show(room(7));
    const before = await order();
    await page.locator(".sidebar").getByRole("link", { name: "Count 14" }).focus();
    await page.keyboard.press("Alt+Shift+ArrowUp");
    await sent("PUT /api/v1/order");
    const now = await order();
    const i = before.indexOf("Count 14");
    assert.deepEqual([now[i - 1], now[i]], ["Count 14", before[i - 1]]);
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Count 14");
    calm(page);
  });

  it("rooms are dragged", async () => {
    await show(room(7));
    await page.locator(".sidebar").getByRole("link", { name: "Count 16" }).dragTo(page.locator(".sidebar").getByRole("link", { name: "Count 13" }));
    await sent("PUT /api/v1/order");
    const now = await order();
    assert.equal(now.indexOf("Count 16") + 1, now.indexOf("Count 13"));
    calm(page);
  });

  it("a menu opens by the right button and by the menu key", async () => {
    await show(room(7));
    const link = page.locator(".sidebar").getByRole("link", { name: "Count 15" });
    await link.click({ button: "right" });
    await page.getByRole("menu", { name: "What to do with Count 15" }).waitFor();
    await page.keyboard.press("Escape");
    await link.focus();
    await page.keyboard.press("Shift+F10");
    await page.getByRole("menu").waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Move up");
    await page.keyboard.press("Enter");
    await sent("PUT /api/v1/order");
    calm(page);
  });

  it("a conversation is hidden, and found again", async () => {
    await show(room(9));
    await button("Room menu").click();
    await page.getByRole("menuitem", { name: "Hide until something is new" }).click();
    await sent("PUT " + at(9, "/mine"));
    await page.waitForFunction((gone) => !document.querySelector(`[data-room="${gone}"]`), id(2, 9));
    await page.keyboard.press("Control+k");
    await page.locator(".switcher-input").fill("Bob Curlew");
    await page.keyboard.press("Enter");
    await page.locator(`[data-room="${id(2, 9)}"]`).waitFor();
    calm(page);
  });

  it("a conversation is begun with one, with some, and with oneself", async () => {
    await show(room(7));
    for (const [names, type] of [[["Wader 50"], "direct"], [["Wader 51", "Wader 52"], "group"], [[], "direct"]]) {
      await button("Begin a conversation").click();
      for (const name of names) {
        await page.getByRole("combobox", { name: "With whom" }).fill(name);
        await page.keyboard.press("Enter");
      }
      if (names.length === 2) await axe(page, "a new conversation");
      await page.locator("dialog").getByRole("button", { name: "Begin" }).click();
      await page.locator("dialog").waitFor({ state: "detached" });
      assert.equal([...mock.rooms.values()].at(-1).type, type);
    }
    assert.equal(asked("POST /api/v1/conversations"), 3);
    calm(page);
  });
});

describe("finding rooms and people", () => {
  beforeEach(() => fresh());

  it("the directory filters and joins", async () => {
    await show("/rooms", ".line-card");
    await button("Archived").click();
    await page.getByText("Winter 2012").waitFor();
    await axe(page, "the directory");
    await button("Open").click();
    await page.getByRole("button", { name: "Join: Count 40" }).click();
    await sent("PUT " + at(40, "/members/me"));
    await page.locator(".sidebar").getByRole("link", { name: "Count 40" }).waitFor();
    await button("Mine").click();
    await page.getByRole("searchbox", { name: "Find a room" }).fill("no such room");
    await page.getByText("No room fits.").waitFor();
    await show(room(41));
    await button("Join").click();
    await sent("PUT " + at(41, "/members/me"));
    await page.locator(".sidebar").getByRole("link", { name: "Count 41" }).waitFor();
    calm(page);
  });

  it("a person's card and a message to them are a click away", async () => {
    await show("/people", ".line-card");
    await page.getByRole("searchbox", { name: "Find a person" }).fill("wader 70");
    await page.getByRole("button", { name: /^Wader 70/ }).click();
    await axe(page, "a card");
    await page.getByRole("dialog").getByRole("button", { name: "Send a message" }).click();
    await page.getByRole("heading", { level: 1, name: "Wader 70" }).waitFor();
    await sent("POST /api/v1/conversations");
    await show("/people", ".line-card");
    await button("Send Wader 13 a message").click();
    await page.getByRole("heading", { level: 1, name: "Wader 13" }).waitFor();
    calm(page);
  });

  it("the switcher takes first letters, a wrong letter, and begins a 1-1", async () => {
    await show(room(7));
    const first = async (typed) => {
      await page.keyboard.press("Control+k");
      await page.locator(".switcher-input").fill(typed);
      await page.locator("[role=option][aria-selected=true]").waitFor();
      const name = await page.locator("[role=option][aria-selected=true] .side-name").innerText();
      await page.keyboard.press("Escape");
      return name;
    };
    assert.equal(await first("tidl"), "Tidal flats");
    assert.equal(await first("tdial"), "Tidal flats");
    assert.equal(await first("nes"), "Nest sites");
    assert.equal(await first("qc"), "Quiet cove");
    await page.keyboard.press("Control+k");
    await axe(page, "switcher");
    await page.locator(".switcher-input").fill("Wader 80");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "Wader 80" }).waitFor();
    await sent("POST /api/v1/conversations");
    calm(page);
  });

  it("administrators restore what is deleted, and hand rooms over", async () => {
    Object.assign(mock.rooms.get(id(2, 20)), { state: "deleted", ends: Date.UTC(2026, 11, 24) * 1000 });
    await show("/admin/rooms", ".line-card");
    await page.getByRole("button", { name: "Owner: Tidal flats" }).click();
    await page.getByLabel("Make the owner: Tidal flats").selectOption({ label: "Bob Curlew" });
    await sent("PUT " + at(1, "/owner"));
    await axe(page, "the administrators' rooms");
    await button("Deleted").click();
    await page.getByText(/removed for good on 24 Dec/).waitFor();
    await button("Restore Count 20").click();
    await sent("PUT " + at(20, "/state"));
    await page.getByText("No room is in this state.").waitFor();
    calm(page);
  });
});

describe("guests", () => {
  it("come in by the address, under a name", async () => {
    await fresh();
    mock.signedIn = false;
    mock.rooms.get(id(2, 1)).guest = mock.url + "/guest/sesame";
    await page.goto("/guest/sesame");
    await page.getByRole("heading", { name: "Come into Tidal flats as a guest" }).waitFor();
    await axe(page, "a guest's entry");
    await page.getByLabel("Your name").fill("!!");
    await button("Come in").click();
    await page.getByRole("alert").getByText("needs a name").waitFor();
    await page.getByLabel("Your name").fill("Vic");
    await button("Come in").click();
    await page.getByRole("heading", { name: "Tidal flats", level: 1, exact: true }).waitFor();
    await page.getByRole("textbox", { name: "Message Tidal flats" }).waitFor();
    await page.goto("/guest/another");
    await page.getByText("This guest address cannot be used").waitFor();
    await axe(page, "a bad guest address");
    calm(page, [/40[014]/]);
  });
});

for (const dark of [false, true]) {
  describe(`on a phone, ${dark ? "dark" : "light"}`, () => {
    before(() => fresh({ viewport: phone, dark }));
    const fits = () => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth && [...document.querySelectorAll("dialog")].every((d) => d.scrollWidth <= d.clientWidth + 1));

    it("every dialog fits and axe finds nothing", async () => {
      await show(room(3));
      for (const [name, act] of [
        ["details", details], ["a room's menu", () => button("Room menu").click()],
        ["inviting", async () => { await button("Room menu").click(); await page.getByRole("menuitem", { name: "Invite people" }).click(); }],
      ]) {
        await act();
        await page.locator("dialog[open], .menu").first().waitFor();
        await axe(page, name);
        assert.ok(await fits(), name + " is wider than the screen");
        await page.keyboard.press("Escape");
        await page.locator("dialog[open], .menu").waitFor({ state: "detached" });
      }
      await page.goto("/");
      for (const name of ["Make a room", "Begin a conversation"]) {
        await button(name).click();
        await page.locator("dialog[open] .people-picker").waitFor();
        await axe(page, name);
        assert.ok(await fits(), name + " is wider than the screen");
        await page.keyboard.press("Escape");
      }
      for (const path of ["/rooms", "/people", "/admin/rooms"]) {
        await show(path, ".line-card");
        await axe(page, path);
        assert.ok(await fits(), path + " is wider than the screen");
      }
      calm(page);
    });
  });
}
