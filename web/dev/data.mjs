// Invented rooms and messages, the same at every start: one long room,
// one with every kind of message, and names that break layouts.

export const day = 86_400_000_000;
const epoch = Date.UTC(2013, 2, 4, 8, 0, 0) * 1000;

const hex = (n, width) => n.toString(16).padStart(width, "0");
export const id = (kind, n) => `${hex(kind, 8)}-0000-8000-8000-${hex(n, 12)}`;

const text = (x) => ({ t: "text", x });
const br = { t: "br" };

export const people = [
  ["Ann Oystercatcher", "ann", "Head of shore watching", "owner"],
  ["Bob Curlew", "bob", "Counts at high water", "member"],
  ["Chidi Whimbrel", "chidi", "Ringing", "admin"],
  ["Dörte Großküste-Watt", "doerte", "Dünenpflege", "member"],
  ["محمد الكروان", "mohammed", "رصد الطيور", "member"],
  ["田中シギ子", "tanaka", "干潟調査", "member"],
  ["Wilhelmina Featherstonehaugh-Cholmondeley-Marjoribanks of the Northern Estuaries", "wilhelmina", "Keeper of a very long name and an even longer title that has to end somewhere", "member"],
  ["Old Sandpiper", "sandy", "", "member", true],
  ["Tide Bot", "tide", "", "bot"],
  ["Guest Gull", "", "", "guest"],
  ["<b onmouseover=alert(1)>Xavier</b>", "xavier", "<img src=x onerror=alert(1)>", "member"],
].map(([name, mention, title, role, off], n) => ({
  id: id(1, n + 1), name, mention, title, role, off: off || undefined,
  avatar: n === 2 ? "/mock/picture/avatar-2.svg" : undefined,
}));
for (let n = people.length; n < 140; n++) {
  people.push({ id: id(1, n + 1), name: `Wader ${n}`, mention: `wader${n}`, title: n % 3 ? "Observer" : "", role: "member" });
}

const P = (n) => people[n].id;
const room = (n, type, name, more = {}) => ({
  id: id(2, n), type, name, member: true, may_post: !more.state, people: people.slice(0, 12).map((p) => p.id), members: 12, ...more,
});

export const rooms = [
  room(1, "open", "Tidal flats", { topic: "What was seen between the tides. Counts before noon go into the sheet.", star: true, members: 140 }),
  room(2, "open", "Every kind", { topic: "One message of every kind there is" }),
  room(3, "private", "Nest sites", { topic: "Not to be told to anybody" }),
  room(4, "open", "A room whose name goes on and on until there is no space left for it anywhere on the screen"),
  room(5, "open", "غرفة المد والجزر", { topic: "مواعيد المد اليوم" }),
  room(6, "open", "干潟の観察", { topic: "今日のシギ・チドリ" }),
  room(7, "open", "Quiet cove", { topic: "" }),
  room(8, "open", "Winter 2012", { state: "archived", member: false, topic: "Counts of the winter of 2012" }),
  room(9, "direct", "", { with: [P(1)], people: [P(0), P(1)], members: 2 }),
  room(10, "direct", "", { with: [P(7)], people: [P(0), P(7)], members: 2 }),
  room(11, "direct", "", { with: [P(6)], people: [P(0), P(6)], members: 2 }),
  room(12, "group", "", { with: [P(1), P(2), P(3)], people: [P(0), P(1), P(2), P(3)], members: 4 }),
];
for (let n = 13; n < 60; n++) rooms.push(room(n, "open", `Count ${n}`, { topic: `Sector ${n}`, member: n < 34 }));

const said = [
  "Forty bar-tailed godwits on the north bank.", "Rising tide, they come closer now.", "Has anybody the scope?",
  "Two ringed ones: yellow over blue, left leg.", "Wind from the west, five.", "I wrote the count into the sheet.",
  "Low water at six tomorrow.", "That was a peregrine. All of them are up and away.", "Back on the mud already.", "Juveniles among them, at least nine.",
];

function random(n) {
  let x = (n + 1) * 2654435761;
  x = Math.imul(x ^ (x >>> 15), 2246822519);
  return ((x ^ (x >>> 13)) >>> 0) / 2 ** 32;
}

// ROOM_SIZE is that of the long room.
const sizes = { [id(2, 1)]: Number(process.env.ROOM_SIZE ?? 15_000) };

function generated(r, n) {
  const author = people[Math.floor(random(n >> 2) * 9)];
  const long = n % 97 === 0;
  const m = {
    id: id(3 + Number.parseInt(r.id.slice(-4), 16), n + 1), room: r.id, author: author.id, type: "plain",
    sent: epoch + Math.floor(n * 7.3 * 60e6) + Math.floor(random(n) * 60e6),
    tree: [text(`${said[Math.floor(random(n * 7) * said.length)]} (${n + 1})`)],
  };
  if (long) m.tree.push(br, text(said.join(" ")));
  if (n % 211 === 0) m.files = [picture(n, 640 + (n % 7) * 100, 360 + (n % 5) * 90)];
  return m;
}

const picture = (n, width, height) => ({
  id: id(9, n), name: `north-bank-${n}.jpg`, size: 120_000 + n, type: "image/jpeg", width, height,
  url: `/mock/picture/${n}-${width}x${height}.svg`, preview: `/mock/picture/${n}-${width}x${height}.svg`,
});

const code = Array.from({ length: 60 }, (_, i) => `${String(i + 1).padStart(2)}  count[${i}] = scope.read(sector=${i}, tide="low")  # a long line that does not fit: ${"godwit ".repeat(12)}`).join("\n");

const notification = (color, ...tree) => ({ type: "notification", color, label: "Tide Bot", tree });

// everyKind is one message of every kind, in order.
const everyKind = [
  { author: P(0), tree: [text("A plain message.")] },
  { author: P(0), tree: [text("The second within five minutes has no head of its own, and a link: "), { t: "link", u: "https://example.org/waders?a=1&b=2", c: [text("example.org/waders")] }, text(" and mail: "), { t: "link", u: "mailto:ann@example.org", c: [text("ann@example.org")] }] },
  { author: P(1), tree: [{ t: "mention", x: "ann", user: P(0) }, text(" have you seen this? "), { t: "mention", x: "all" }, text(" look up "), { t: "emoticon", x: "godwit", u: "/mock/picture/emoticon.svg" }, { t: "emoticon", x: "unknownword" }] },
  { author: P(1), tree: [{ t: "me", c: [text("waves from the hide")] }] },
  { author: P(2), tree: [{ t: "pre", x: code, lang: "python" }] },
  { author: P(2), tree: [{ t: "quote", c: [text("The tide waits for nobody."), br, text("Neither do the birds.")] }] },
  { author: P(3), tree: [{ t: "p", c: [{ t: "b", c: [text("Bold")] }, text(", "), { t: "i", c: [text("italic")] }, text(", "), { t: "s", c: [text("struck")] }, text(", "), { t: "u", c: [text("underlined")] }, text(", "), { t: "code", x: "inline code" }, text(" and "), { t: "color", x: "#b4532a" }] }, { t: "h", n: 2, c: [text("A heading")] }, { t: "ul", c: [{ t: "li", c: [text("sand")] }, { t: "li", c: [text("mud")] }] }, { t: "ol", c: [{ t: "li", c: [text("first")] }, { t: "li", c: [text("second")] }] }, { t: "hr" }] },
  { ...notification("yellow", text("Low water at 06:12, 0.4 m")) },
  { ...notification("green", { t: "b", c: [text("Build 512")] }, text(" passed. "), { t: "link", u: "https://ci.example.org/512", c: [text("Open")] }) },
  { ...notification("red", text("Sensor 4 does not answer")) },
  { ...notification("purple", { t: "table", c: [{ t: "tr", c: [{ t: "th", c: [text("Sector")] }, { t: "th", c: [text("Godwits")] }] }, { t: "tr", c: [{ t: "td", c: [text("North")] }, { t: "td", c: [text("40")] }] }] }) },
  { ...notification("gray", { t: "image", u: "https://pictures.example.org/chart.png", x: "Chart of the week" }) },
  { author: P(0), type: "topic", tree: [text("One message of every kind there is")] },
  { type: "system", label: "Godwit", tree: [text("Ann Oystercatcher archived this room, and opened it again.")] },
  { type: "guest", author: P(2), tree: [text("switched guest access on")] },
  { author: P(3), gone: true },
  { author: P(3), edited: epoch + day, tree: [text("This one was edited.")] },
  { author: P(4), tree: [text("صباح الخير، المد عالٍ اليوم (20:15)")] },
  { author: P(5), tree: [text("おはようございます。オオソリハシシギが120羽います。")] },
  { author: P(6), tree: [text("Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" + "x".repeat(300))] },
  { author: P(7), tree: [text("Somebody who left wrote this.")] },
  { label: "Somebody nobody knows", tree: [text("The author is no person here.")] },
  { author: P(0), tree: [text("A picture")], files: [picture(1, 1600, 900)] },
  { author: P(0), files: [{ ...picture(2, 300, 1200), name: "very tall <script>alert(1)</script>.png" }] },
  { author: P(1), files: [{ id: id(9, 9001), name: "count 2013.xlsx", size: 48_213, type: "application/vnd.ms-excel", url: "/mock/bytes" }] },
  { author: P(1), files: [{ id: id(9, 9002), name: "gone-with-the-tide.pdf", size: 1_204_118, type: "application/pdf", missing: true }] },
  { author: P(2), files: [{ id: id(9, 9003), name: "call.ogg", size: 88_211, type: "audio/ogg", url: "/mock/bytes" }, { id: id(9, 9004), name: "flight.webm", size: 5_088_211, type: "video/webm", width: 640, height: 360, url: "/mock/bytes" }] },
  { author: P(2), files: [{ id: id(9, 9005), name: `${"a-name-that-does-not-end-".repeat(12)}.tar.gz`, size: 0, url: "/mock/bytes" }] },
  { author: P(2), files: [{ ...picture(5, 0, 0), name: "no-size-known.png" }] },
  { author: P(10), tree: [text("<script>window.hacked=1</script><img src=x onerror=\"window.hacked=1\">")] },
  { author: P(10), tree: [{ t: "link", u: "javascript:window.hacked=1", c: [text("a link that must not act")] }, text(" "), { t: "link", u: "//evil.example.org/", c: [text("another")] }, { t: "image", u: "javascript:window.hacked=1", x: "a picture that must not act" }, { t: "color", x: "#fff;background:url(//evil)" }] },
  { author: P(10), tree: [{ t: "strange", x: "A node that nobody knows." }] },
  { author: P(0), tree: [text(Array.from({ length: 80 }, (_, i) => `Line ${i + 1} of a text that is long enough to be folded.`).join("\n"))] },
].map((m, n) => ({ type: "plain", room: id(2, 2), id: id(5, n + 1), sent: epoch + n * 60e6 + Math.floor(n / 3) * 400e6 + Math.floor(n / 12) * day, ...m }));

// messagesOf returns a room's messages, oldest first.
export function messagesOf(r) {
  if (r.id === id(2, 2)) return everyKind.slice();
  if (r.id === id(2, 7)) return [];
  const n = sizes[r.id] ?? 120;
  return Array.from({ length: n }, (_, i) => generated(r, i)).sort((a, b) => a.sent - b.sent || (a.id < b.id ? -1 : 1));
}
