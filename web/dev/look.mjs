// Takes a picture of every page against the mock server, at two widths, light
// and dark, for looking at them side by side.
//
//	node dev/look.mjs FOLDER
import { launch, open, phone, signIn, wide } from "../test/browser.mjs";
import { id, Mock } from "./mock.mjs";

const folder = process.argv[2];
if (!folder) throw new Error("say which folder the pictures go into: node dev/look.mjs FOLDER");

const room = (n) => "/room/" + id(2, n);
const pages = {
  room: room(1), kinds: room(2), empty: room(7), archived: room(8), "long-name": room(4), "right-to-left": room(5), direct: room(9),
  rooms: "/rooms", people: "/people", search: "/search", found: "/search?q=tide", overview: "/admin", manage: "/admin/people", settings: "/admin/settings", audit: "/admin/audit", preferences: "/preferences", start: "/",
};
const dialogs = {
  date: (p) => p.getByRole("button", { name: "Jump to a date" }).click(),
  details: (p) => p.getByRole("button", { name: "Room details" }).click(),
  switcher: (p) => p.keyboard.press("Control+k"),
  person: (p) => p.locator("button.name").last().click(),
  help: (p) => p.locator("#history").press("Shift+?"),
};

const mock = new Mock();
const url = await mock.listen();
const browser = await launch();
for (const [size, viewport] of Object.entries({ wide, phone })) {
  for (const dark of [false, true]) {
    mock.signedIn = false;
    const page = await open(browser, { viewport, dark, url });
    const take = async (name) => {
      await page.waitForLoadState("networkidle", { timeout: 500 }).catch(() => undefined); // /wait never ends
      await page.screenshot({ path: `${folder}/${size}-${dark ? "dark" : "light"}-${name}.png` });
    };
    await page.goto("/");
    await take("sign-in");
    await signIn(page, "ann", "long enough");
    for (const [name, path] of Object.entries(pages)) {
      await page.goto(path);
      await take(name);
    }
    await page.goto(room(1));
    await page.locator("article[data-id]").first().waitFor();
    for (const [name, show] of Object.entries(dialogs)) {
      await show(page);
      await take(name);
      await page.keyboard.press("Escape");
    }
    await page.context().close();
  }
}
await browser.close();
await mock.close();
