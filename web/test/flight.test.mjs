// The page of a move: what it says at each stage, its buttons, and that it can
// be read by everybody. A real server; what the mover says is recorded.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { axe, calm, launch, open, phone, signIn } from "./browser.mjs";
import { Server, password } from "./server.mjs";

const at = (seconds) => new Date(Date.UTC(2026, 10, 24, 17, 0, seconds)).toISOString();

// status is what a mover says, as `godwit status NAME --json` prints it.
function status(more = {}) {
  const place = { title: "SQLite in /srv/godwit", version: "1", state: "open", pos: 1_000_000, posts: 41.3, p95: 3.2, people: 212, relayed: 0, held: 0 };
  return {
    version: 1, move: "autumn", from: "https://old.example.org", to: "https://new.example.org", stage: "follow", since: at(0), started: at(0), at: at(50), mover: "host",
    turn: 0, writing: "from", source: place, target: { ...place, state: "receiving", posts: 0, p95: 0, people: 0 },
    kinds: [{ kind: "user", done: 1600, all: 1600 }, { kind: "room", done: 2596, all: 2596 }, { kind: "message", done: 640_000, all: 1_000_000 }, { kind: "reaction", done: 5, all: 9 }],
    done: 640_000, total: 1_000_000, files: { copied: 120, bytes: 3e9, there: 2, gone: 0, total: 5e9 },
    rates: Array.from({ length: 50 }, (_, i) => ({ at: at(i), objects: 20_000 + 3000 * Math.sin(i / 5), bytes: 1e6, behind: 1000 - i * 20, p95: 3 + (i % 7) / 3 })),
    lag: 210_000_000, behind: 3, low: 0, high: 0, waits: "", paused: false, quarantined: 0,
    verify: { round: 4, level: "L2", done: 0.4, clean: at(30), differences: 0, repaired: 0, took: 5.2 },
    pause: 420_000_000, budget: 10_000_000_000, ready: true, next: { step: "cut over when you want to", do: "cutover" },
    knobs: [{ name: "throttle", value: "1.25x", help: "how slow" }, { name: "bandwidth", value: "off", help: "when" }], log: [{ at: at(0), text: "stage follow" }, { at: at(40), text: "a round is clean" }],
    ...more,
  };
}

describe("the page of a move", () => {
  let server, browser, page;
  let flight = { move: "", state: "open", now: 0 };
  let orders = [];

  async function visit(options = {}) {
    const p = await open(browser, { url: server.url, ...options });
    await p.route("**/api/v1/admin/flight", (r) => r.fulfill({ json: flight }));
    await p.route("**/api/v1/admin/flight/orders", (r) => {
      orders.push(r.request().postDataJSON());
      return r.fulfill({ json: {} });
    });
    await signIn(p, "ada@example.org", password);
    await p.goto("/admin/move");
    return p;
  }
  const show = (more, outer = {}) => (flight = { move: "autumn", state: "open", told: 5e6, now: 5e6, status: status(more), orders: [{ n: 1, who: "Ada", at: 1_795_539_600_000_000, word: "set", args: "throttle=1.25x" }], ...outer });

  before(async () => {
    server = await Server.make(["Ada", "Bo"]);
    browser = await launch();
    page = await visit();
  });
  after(async () => {
    await browser?.close();
    await server?.remove();
  });

  it("without a move says how to begin one", async () => {
    await page.getByRole("heading", { name: "No place moves here or from here" }).waitFor();
    await page.getByText("godwit sync FROM TO").waitFor();
    await axe(page, "no move");
  });

  it("shows phase, progress, pause against budget, proof, and the next step", async () => {
    show();
    await page.getByText("Cut over when you want to.").waitFor();
    await page.locator(".flight-line .now", { hasText: "Follow" }).waitFor();
    for (const text of ["640,000 of 1,000,000", "People would wait for about 420 ms; they may for 10 s.", "210 ms, 3"]) await page.getByText(text).first().waitFor();
    await page.locator(".flight-chart canvas").waitFor();
    await page.getByText("throttle=1.25x").waitFor();
    await axe(page, "follow");
    calm(page, [/401/]);
  });

  it("asks before people are moved, and orders it then", async () => {
    orders = [];
    await page.getByRole("button", { name: "Cut over", exact: true }).click();
    const dialog = page.getByRole("dialog", { name: "Move people to the new place?" });
    await dialog.getByText("they may for 10 s").waitFor();
    await axe(page, "asked");
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    assert.deepEqual(orders, []);
    await page.getByRole("button", { name: "Cut over", exact: true }).click();
    await dialog.getByRole("button", { name: "Cut over", exact: true }).click();
    await dialog.waitFor({ state: "detached" });
    assert.deepEqual(orders, [{ move: "autumn", word: "cutover", args: "" }]);
  });

  it("plans a cutover for a time", async () => {
    orders = [];
    await page.getByRole("button", { name: "Cut over", exact: true }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("When").selectOption("time");
    await dialog.getByLabel("Day and time").fill("2026-11-25T03:00");
    await dialog.getByRole("button", { name: "Cut over", exact: true }).click();
    await dialog.waitFor({ state: "detached" });
    assert.deepEqual(orders, [{ move: "autumn", word: "cutover", args: "at 2026-11-25T03:00:00.000Z" }]);
    show({ planned: { at: "2026-11-25T03:00:00Z", who: "Ada" }, next: { step: "none: the cutover begins", do: "wait", by: "2026-11-25T03:00:00Z" } });
    await page.getByText("The cutover is planned for 25 Nov 2026, 03:00, by Ada.").waitFor();
    await page.getByRole("button", { name: "Cancel the planned cutover" }).waitFor();
  });

  it("pauses and turns knobs at once", async () => {
    orders = [];
    show();
    await page.getByRole("button", { name: "Pause", exact: true }).click();
    await page.getByText("Knobs", { exact: true }).click();
    await page.getByLabel("Throttle").fill("20ms");
    await page.locator("form", { has: page.getByLabel("Throttle") }).getByRole("button", { name: "Set" }).click();
    await page.waitForFunction(() => !document.querySelector("form button:disabled"));
    assert.deepEqual(orders, [{ move: "autumn", word: "pause", args: "" }, { move: "autumn", word: "set", args: "throttle=20ms" }]);
    await axe(page, "knobs");
  });

  it("after the cutover says until when there is a way back", async () => {
    show({
      stage: "reverse", turn: 1, writing: "to", pauses: [{ at: at(10), turn: 1, took: 640_000_000, what: "cutover" }],
      next: { step: "look", do: "complete", by: "2026-11-27T17:00:00Z", then: "the way back is closed" },
    });
    await page.getByText("At the latest 27 Nov 2026, 17:00.").waitFor();
    await page.getByText("people waited for 640 ms").waitFor();
    await page.getByRole("button", { name: "Roll back" }).waitFor();
    assert.equal(await page.getByRole("button", { name: "Cut over", exact: true }).count(), 0);
    await axe(page, "way back");
  });

  it("a problem and a silent mover are not to be overlooked", async () => {
    show({ problem: { kind: "conflict", text: "the two places differ", hint: "see the report", at: at(1) }, quarantined: 2 }, { told: 5e6, now: 65e6 });
    await page.getByRole("alert").getByText("the two places differ").waitFor();
    await page.getByText("The mover has said nothing for 1 min 0 s.").waitFor();
    await page.getByText("2 records could not be understood.").waitFor();
    await axe(page, "problem");
  });

  it("a status of another version, or none yet, is said", async () => {
    flight = { move: "autumn", state: "open", now: 0 };
    await page.getByText("no mover has said anything yet").waitFor();
    calm(page, [/401/]);
  });

  it("is for administrators", async () => {
    const other = await open(browser, { url: server.url });
    await signIn(other, "bo@example.org", password);
    await other.goto("/admin/move");
    await other.getByText("This page is for administrators.").waitFor();
  });

  for (const [name, options] of [["on a phone", { viewport: phone }], ["in the dark", { dark: true }], ["on a phone in the dark", { viewport: phone, dark: true }]]) {
    it(`reads well ${name}`, async () => {
      show();
      const p = await visit(options);
      await p.locator(".flight-chart canvas").waitFor();
      await axe(p, name);
      const wide = await p.evaluate(() => document.querySelector(".page")?.scrollWidth - document.querySelector(".page")?.clientWidth);
      assert.ok(wide <= 0, `it is ${wide} px too wide`);
      if (process.env.SHOTS) await p.screenshot({ path: `${process.env.SHOTS}/flight-${name.replaceAll(" ", "-")}.png`, fullPage: false });
      calm(p, [/401/]);
    });
  }

  it("speaks German", async () => {
    show();
    const p = await visit();
    await p.evaluate(() => localStorage.setItem("godwit.language", "de"));
    await p.reload();
    await p.getByText("Wechseln, wann immer es passt.").waitFor();
  });

  if (process.env.SHOTS) {
    it("is pictured", async () => {
      show();
      await page.locator(".flight-chart canvas").waitFor();
      await page.setViewportSize({ width: 1440, height: 1500 });
      await page.screenshot({ path: process.env.SHOTS + "/flight.png" });
    });
  }
});
