// Measures the client at a real server as one who works with it feels it:
// from one long room to another, from a key to its picture, and what memory
// is held after many actions. Prints JSON.
//
//	GODWIT_URL=… GODWIT_LOGIN=… GODWIT_PASSWORD=… node bench/use.mjs [ACTIONS]
import { launch, open, signIn } from "../test/browser.mjs";

const { GODWIT_URL: url, GODWIT_LOGIN: login, GODWIT_PASSWORD: password } = process.env;
const actions = Number(process.argv[2] ?? 400);

const browser = await launch();
const page = await open(browser, { url });
await signIn(page, login, password);
const rooms = await largest(2);
const out = { rooms: rooms.map((r) => r.messages), ...(await switching()), ...(await typing()), ...(await memory()) };
if (page.wrong.length) out.wrong = page.wrong.slice(0, 5);
console.log(JSON.stringify(out));
await browser.close();

// largest finds the rooms of the sidebar with the most messages.
async function largest(n) {
  return page.evaluate(async (n) => {
    const ids = [...new Set([...document.querySelectorAll('.sidebar a[href^="/room/"]')].map((a) => a.getAttribute("href").split("/")[2]))];
    const all = await Promise.all(ids.map((id) => fetch("/api/v1/rooms/" + id).then((r) => r.json())));
    return all.sort((a, b) => (b.messages ?? 0) - (a.messages ?? 0)).slice(0, n).map((r) => ({ id: r.id, messages: r.messages }));
  }, n);
}

// go clicks a room in the sidebar, and returns how long its messages took to
// be drawn.
async function enter(id) {
  return page.evaluate((id) => new Promise((done, never) => {
    setTimeout(() => never(new Error("the room was not drawn in 20 s")), 20_000);
    const before = document.querySelector("article[data-id]")?.dataset.id;
    const start = performance.now();
    const look = new MutationObserver(() => {
      const first = document.querySelector("article[data-id]")?.dataset.id;
      if (!first || first === before) return;
      look.disconnect();
      requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)));
    });
    look.observe(document, { childList: true, subtree: true });
    document.querySelector(`.sidebar a[href="/room/${id}"]`).click();
  }), id);
}

async function switching() {
  const took = [];
  await enter(rooms[0].id).catch(() => 0);
  for (let i = 1; i <= 40; i++) took.push(await enter(rooms[i % 2].id));
  return quantiles("switch", took);
}

// typing presses keys as quickly as a good typist, and asks the browser how
// long each took until it was drawn.
async function typing() {
  const box = page.locator("textarea").first();
  await box.focus();
  await page.evaluate(() => {
    globalThis.keys = [];
    globalThis.longest = 0;
    document.querySelector("textarea").addEventListener("keydown", (e) => {
      requestAnimationFrame(() => setTimeout(() => globalThis.keys.push(performance.now() - e.timeStamp)));
    });
    new PerformanceObserver((list) => {
      for (const e of list.getEntries()) globalThis.longest = Math.max(globalThis.longest, e.duration);
    }).observe({ type: "longtask" });
  });
  await page.keyboard.type("Forty bar-tailed godwits on the north bank, and the tide is rising :smile @ann who has the scope? ".repeat(3), { delay: 25 });
  const took = await page.evaluate(() => globalThis.keys);
  const longest = await page.evaluate(() => globalThis.longest);
  await box.fill("");
  return { ...quantiles("key", took), "key-longest-task-ms": longest };
}

// memory does what people do, over and over, and looks at what is held after
// the garbage is gone.
async function memory() {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("Performance.enable");
  const held = async () => {
    await cdp.send("HeapProfiler.collectGarbage");
    const { metrics } = await cdp.send("Performance.getMetrics");
    const of = (name) => metrics.find((m) => m.name === name).value;
    return { heap: of("JSHeapUsedSize"), nodes: of("Nodes"), listeners: of("JSEventListeners") };
  };
  const deeds = [
    async (i) => enter(rooms[i % 2].id),
    async () => page.locator("#history").evaluate((h) => (h.scrollTop = 0)),
    async () => page.locator("#history").evaluate((h) => (h.scrollTop = h.scrollHeight)),
    async () => {
      await page.keyboard.press("Control+k");
      await page.keyboard.type("ad");
      await page.keyboard.press("Escape");
    },
    async () => page.locator("textarea").first().pressSequentially("a word"),
    async () => page.locator("textarea").first().fill(""),
  ];
  const samples = [];
  const every = Math.max(1, Math.floor(actions / 20));
  for (let i = 0; i < actions; i++) {
    await deeds[i % deeds.length](Math.floor(i / deeds.length)).catch(() => 0);
    if (i % every === every - 1) samples.push(await held());
  }
  const middle = (list, key) => list.map((s) => s[key]).sort((a, b) => a - b)[Math.floor(list.length / 2)];
  const quarter = Math.floor(samples.length / 4);
  const early = samples.slice(quarter, 2 * quarter);
  const late = samples.slice(-quarter);
  return {
    actions,
    "heap-MB": middle(late, "heap") / 1e6, "heap-growth": middle(late, "heap") / middle(early, "heap"),
    "nodes": middle(late, "nodes"), "nodes-growth": middle(late, "nodes") / middle(early, "nodes"),
    "listeners-growth": middle(late, "listeners") / middle(early, "listeners"),
  };
}

function quantiles(name, list) {
  const sorted = [...list].sort((a, b) => a - b);
  const at = (q) => Math.round(sorted[Math.floor((sorted.length - 1) * q)] * 10) / 10;
  return { [`${name}-p50-ms`]: at(0.5), [`${name}-p95-ms`]: at(0.95), [`${name}-max-ms`]: at(1) };
}
