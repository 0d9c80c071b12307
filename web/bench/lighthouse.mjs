// Runs Lighthouse on a room of a real server, on a desktop and on a phone.
// Prints JSON: the scores of 0 to 100, and what cost points.
//
//	GODWIT_URL=… GODWIT_LOGIN=… GODWIT_PASSWORD=… node bench/lighthouse.mjs
import lighthouse, { desktopConfig } from "lighthouse";
import { chromium } from "playwright-core";
import { createServer } from "node:net";

const { GODWIT_URL: url, GODWIT_LOGIN: login, GODWIT_PASSWORD: password } = process.env;
const port = await new Promise((done) => {
  const s = createServer().listen(0, "127.0.0.1", () => {
    const { port } = s.address();
    s.close(() => done(port));
  });
});
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", headless: true,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", `--remote-debugging-port=${port}`],
});
const signed = await fetch(url + "/api/v1/session", {
  method: "POST", headers: { "Content-Type": "application/json", Origin: url }, body: JSON.stringify({ login, password }),
});
if (!signed.ok) throw new Error("sign in: " + signed.status);
const Cookie = signed.headers.getSetCookie().map((c) => c.split(";")[0]).join("; ");
const start = await (await fetch(url + "/api/v1/start", { headers: { Cookie } })).json();
const out = {};
for (const [name, config] of [["desktop", desktopConfig], ["phone", undefined]]) {
  const { lhr } = await lighthouse(`${url}/room/${start.rooms[0].id}`, {
    port, output: "json", logLevel: "silent", onlyCategories: ["performance", "accessibility", "best-practices"], extraHeaders: { Cookie },
  }, config);
  for (const c of Object.values(lhr.categories)) {
    out[`${name}-${c.id}`] = Math.round(c.score * 100);
    const lost = c.auditRefs.map((r) => ({ weight: r.weight, audit: lhr.audits[r.id] }))
      .filter(({ weight, audit }) => weight > 0 && (audit.score ?? 1) < 0.9)
      .map(({ audit }) => `${audit.id}: ${audit.displayValue ?? audit.title} ${(audit.details?.items ?? []).slice(0, 5).map((i) => i.node?.snippet ?? "").join(" ")}`.trim());
    if (lost.length) out[`${name}-${c.id}-lost`] = lost;
  }
}
console.log(JSON.stringify(out));
await browser.close();
