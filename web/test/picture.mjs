// How long it takes from signing in until the first messages of a room are
// drawn. Run by itself it prints the milliseconds of several times as JSON:
//
//	GODWIT_URL=… GODWIT_LOGIN=… GODWIT_PASSWORD=… node test/picture.mjs [TIMES]
import { pathToFileURL } from "node:url";
import { launch, open } from "./browser.mjs";

// firstPicture signs in with a browser that was never there before.
export async function firstPicture(browser, url, login, password) {
  const fresh = await open(browser, { url });
  await fresh.goto("/");
  await fresh.getByLabel(/^E-mail/).fill(login);
  await fresh.getByLabel("Password", { exact: true }).fill(password);
  await fresh.evaluate(() => {
    globalThis.asked = 0;
    document.querySelector("form").addEventListener("submit", () => (globalThis.asked = performance.now()));
    const watch = new MutationObserver(() => {
      if (document.querySelector("article[data-id]")) requestAnimationFrame(() => (globalThis.drawn ??= performance.now()));
    });
    watch.observe(document, { childList: true, subtree: true });
  });
  await fresh.getByRole("button", { name: "Sign in", exact: true }).click();
  await fresh.waitForFunction(() => globalThis.drawn);
  const took = await fresh.evaluate(() => globalThis.drawn - globalThis.asked);
  await fresh.context().close();
  return Math.round(took);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { GODWIT_URL: url, GODWIT_LOGIN: login, GODWIT_PASSWORD: password } = process.env;
  const browser = await launch();
  const took = [];
  for (let n = Number(process.argv[2] ?? 5); n > 0; n--) took.push(await firstPicture(browser, url, login, password));
  await browser.close();
  console.log(JSON.stringify(took));
}
