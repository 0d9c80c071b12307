// The client's rules that need no browser.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { createServer } from "vite";

let vite;
let history, find, query, routes, time;

before(async () => {
  globalThis.location = new URL("http://chat.example.org/");
  vite = await createServer({ server: { middlewareMode: true, ws: false, hmr: false }, appType: "custom", logLevel: "error" });
  [history, find, query, routes, time] = await Promise.all(["history", "find", "query", "route", "time"].map((m) => vite.ssrLoadModule(`/src/${m}.ts`)));
});
after(() => vite.close());

const minute = 60e6;
const noon = Date.UTC(2016, 4, 4, 12) * 1000;
const msg = (n, more = {}) => ({ id: String(n).padStart(6, "0"), room: "r", author: "a", sent: noon + n * 1000, type: "plain", ...more });
const range = (from, to) => Array.from({ length: to - from }, (_, i) => msg(from + i));
const page = (from, to, total = 1000) => ({ messages: range(from, to), older: from > 0 ? "c" + from : "", newer: to < total ? "c" + (to - 1) : "" });
const numbers = (pages) => history.messagesOf(pages).map((m) => Number(m.id));
const inOrder = (list) => list.every((n, i) => i === 0 || n === list[i - 1] + 1);

describe("the pages that are held", () => {
  it("going back through everything and forth again never loses, doubles or swaps a message", () => {
    let pages = [page(950, 1000)];
    const seen = new Set(numbers(pages));
    for (let at = 950; at > 0; at -= 50) {
      pages = history.addOlder(pages, page(at - 50, at));
      assert.ok(inOrder(numbers(pages)));
      assert.ok(pages.length <= history.maxPages);
      numbers(pages).forEach((n) => seen.add(n));
    }
    assert.equal(seen.size, 1000);
    assert.equal(history.olderOf(pages), "");
    while (history.newerOf(pages)) {
      const last = numbers(pages).at(-1) + 1;
      pages = history.addNewer(pages, page(last, last + 50));
      assert.ok(inOrder(numbers(pages)));
      assert.ok(pages.length <= history.maxPages);
    }
    assert.equal(numbers(pages).at(-1), 999);
  });

  it("a message that was let go at the end can be asked for, though the end had no cursor", () => {
    let pages = [page(950, 1000)];
    for (let at = 950; at > 400; at -= 50) pages = history.addOlder(pages, { ...page(at - 50, at), newer: "" });
    assert.equal(history.aroundOf(history.newerOf(pages)), String(numbers(pages).at(-1)).padStart(6, "0"));
  });

  it("a page that overlaps what is held adds only what is new", () => {
    const pages = history.addOlder([page(100, 150)], page(80, 130));
    assert.deepEqual(numbers(pages), Array.from({ length: 70 }, (_, i) => 80 + i));
  });

  it("an older page without anything new moves the cursor, so that loading ends", () => {
    const pages = history.addOlder([page(100, 150)], { messages: [], older: "", newer: "" });
    assert.equal(history.olderOf(pages), "");
  });

  const one = (n, more = {}) => ({ ...page(n, n + 1).messages[0], ...more });

  it("a message that changed takes the place of its older state", () => {
    const { pages } = history.putMessage([page(900, 950), page(950, 1000)], one(930, { edited: noon }));
    assert.equal(numbers(pages).length, 100);
    assert.equal(history.messagesOf(pages).find((m) => m.id === "000930").edited, noon);
    assert.equal(history.olderOf(pages), "c900");
  });

  it("new messages are appended, the same one twice once, and what is held does not grow without end", () => {
    let pages = [page(950, 1000, 1000)];
    for (let n = 1000; n < 2000; n++) {
      for (let twice = 0; twice < 2; twice++) pages = history.putMessage(pages, one(n)).pages;
    }
    assert.ok(inOrder(numbers(pages)));
    assert.equal(numbers(pages).at(-1), 1999);
    assert.ok(pages.length <= history.maxPages && numbers(pages).length <= 50 * history.maxPages);
    assert.notEqual(history.olderOf(pages), "");
  });

  it("a message between two others comes there, and one before all of them only if nothing is between", () => {
    const gappy = { ...page(100, 110), messages: page(100, 110).messages.filter((m) => m.id !== "000105") };
    assert.deepEqual(numbers(history.putMessage([gappy], one(105)).pages), numbers([page(100, 110)]));
    assert.deepEqual(numbers(history.putMessage([page(100, 110)], one(50)).pages), numbers([page(100, 110)]));
    assert.equal(numbers(history.putMessage([{ ...page(100, 110), older: "" }], one(50)).pages)[0], 50);
  });

  it("says that there is a gap when what is held does not reach the newest", () => {
    assert.equal(history.putMessage([{ ...page(100, 150), newer: "c150" }], one(250)).gap, true);
  });

  it("the first message of an empty room is simply there", () => {
    assert.deepEqual(numbers(history.putMessage([], one(0)).pages), [0]);
  });
});

describe("days and groups", () => {
  const groups = (list, readTo) => history.daysOf(list, readTo).flatMap((d) => d.groups.map((g) => g.messages.map((m) => Number(m.id))));
  const at = (n, minutes, more) => msg(n, { sent: noon + minutes * minute, ...more });

  it("one author within five minutes is one group, counted from its head", () => {
    assert.deepEqual(groups([at(1, 0), at(2, 4), at(3, 4.9), at(4, 5.1)]), [[1, 2, 3], [4]]);
  });
  it("another author begins a group", () => assert.deepEqual(groups([at(1, 0), at(2, 1, { author: "b" }), at(3, 2)]), [[1], [2], [3]]));
  it("a topic stands for itself", () => assert.deepEqual(groups([at(1, 0, { type: "topic" }), at(2, 1, { type: "topic" })]), [[1], [2]]));
  it("notifications of different senders do not join", () => {
    assert.deepEqual(groups([at(1, 0, { type: "notification", label: "x" }), at(2, 1, { type: "notification", label: "y" })]), [[1], [2]]);
  });
  it("midnight divides a group", () => {
    const late = Date.UTC(2016, 4, 4, 23, 59) * 1000 + new Date(2016, 4, 4).getTimezoneOffset() * minute;
    const days = history.daysOf([msg(1, { sent: late }), msg(2, { sent: late + 2 * minute })]);
    assert.deepEqual(days.map((d) => d.key), ["2016-05-04", "2016-05-05"]);
  });
  it("what came while nobody looked begins with a line, once", () => {
    const days = history.daysOf([at(1, 0), at(2, 1), at(3, 2)], noon + minute / 2);
    assert.deepEqual(days[0].groups.map((g) => [g.messages.length, g.fresh]), [[1, false], [2, true]]);
  });
});

describe("finding", () => {
  it("every word of a query must be there, in any case and without accents", () => {
    assert.ok(find.rank("Dörte Großküste", "kuste DORTE") >= 0);
    assert.equal(find.rank("Dörte Großküste", "ann"), -1);
  });
  it("what begins so comes before what has it inside", () => {
    assert.deepEqual(find.best(["Main annex", "Joanna", "Ann"], "ann", (x) => x, 3), ["Ann", "Main annex", "Joanna"]);
  });
  const marked = (text, ...terms) => find.markTerms(text, terms).map((p) => (p.marked ? `[${p.text}]` : p.text)).join("");
  it("marks terms where they stand", () => assert.equal(marked("Rising TIDE, tidewater", "tide"), "Rising [TIDE], [tide]water"));
  it("marks through accents and letters of two halves", () => {
    assert.equal(marked("e\u0301tude étude", "etude"), "[e\u0301tude] [étude]");
    assert.equal(marked("😀 godwit 😀", "godwit"), "😀 [godwit] 😀");
    assert.equal(marked("ﬁsh", "fish"), "[ﬁsh]");
  });
  it("marks nothing without terms", () => assert.equal(marked("tide", ""), "tide"));
});

describe("the filters of a search", () => {
  it("are read from the query, in quotes or not", () => {
    assert.deepEqual(query.valuesOf('tide in:"Tidal flats" FROM:ann has:file has:link', "in"), ["Tidal flats"]);
    assert.deepEqual(query.valuesOf("a FROM:ann has:file has:link", "has"), ["file", "link"]);
    assert.deepEqual(query.valuesOf("see https://example.org/in:x", "in"), []);
  });
  it("one value replaces another, and none takes it out", () => {
    assert.equal(query.withFilter('tide after:2018-01-01 "high water"', "after", "2019-02-03"), 'tide "high water" after:2019-02-03');
    assert.equal(query.withFilter("tide after:2018-01-01", "after", ""), "tide");
    assert.equal(query.withFilter("tide after:", "after", ""), "tide");
  });
  it("switch on and off", () => {
    assert.equal(query.toggled("tide", "has", "file"), "tide has:file");
    assert.equal(query.toggled("has:FILE tide has:link", "has", "file"), "tide has:link");
  });
});

describe("addresses", () => {
  const parse = (p) => routes.parse(...p.split("?").concat("").slice(0, 2));
  it("a room and a message", () => assert.deepEqual(parse("/room/a/b"), { page: "room", room: "a", message: "b", thread: "" }));
  it("a thread beside its room", () => assert.deepEqual(parse("/room/a?thread=t"), { page: "room", room: "a", message: "", thread: "t" }));
  it("a search with its words", () => assert.equal(parse("/search?q=from%3Aann+tide").q, "from:ann tide"));
  it("a broken escape is no error", () => assert.equal(parse("/room/%E0%A4%A").page, "room"));
  it("what nobody knows", () => assert.equal(parse("/nowhere").page, "lost"));
});

describe("amounts", () => {
  it("bytes as people say them", () => {
    assert.deepEqual([0, 999, 1000, 1_204_118, 48e9].map(time.size), ["0 B", "999 B", "1 KB", "1.2 MB", "48 GB"]);
  });
  it("times as people say them", () => {
    assert.deepEqual([12e6, 72e6, 3_720e6, 90_000e6].map(time.duration), ["12 s", "1 min 12 s", "1 h 2 min", "1 d 1 h"]);
  });
});
