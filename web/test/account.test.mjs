// A person's own account, in a browser against a real server: the first
// person of an empty place, a second step, passkeys, sessions, settings.
//
//	GODWIT_BIN  the program; bin/godwit if it is not set
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { axe, calm, launch, open, phone } from "./browser.mjs";
import { freePort } from "./server.mjs";

const program = process.env.GODWIT_BIN ?? path.join(path.dirname(fileURLToPath(import.meta.url)), "../../bin/godwit");
const password = "tidal flats at dawn";

// code is what an authenticator app shows (RFC 6238).
function code(secret, steps = 0) {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret].map((c) => alphabet.indexOf(c).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const mac = createHmac("sha1", key).update(counter).digest();
  const at = mac[19] & 15;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

describe("one's account", () => {
  let server, browser, page, url, firstCode, data;
  const pages = [];
  const button = (name, on = page) => on.getByRole("button", { name, exact: true });
  const saves = (group) => button("Save", page.locator("section.panel", { has: page.getByRole("heading", { name: group, exact: true }) }));
  const field = (name, on = page) => on.getByLabel(name, { exact: true });

  before(async () => {
    data = mkdtempSync(path.join(tmpdir(), "godwit-account-"));
    const port = await freePort();
    url = `http://localhost:${port}`;
    server = spawn(program, ["serve", "--data", path.join(data, "d"), "--listen", `127.0.0.1:${port}`, "--address", url], { stdio: ["ignore", "pipe", "pipe"] });
    let log = "";
    server.stderr.on("data", (d) => (log += d));
    firstCode = await new Promise((done, failed) => {
      let out = "";
      server.on("error", failed);
      server.on("exit", () => failed(new Error("the server ended: " + log)));
      server.stdout.on("data", (d) => {
        out += d;
        const m = /with the code\s+(\S+)/.exec(out);
        if (m) done(m[1]);
      });
    });
    for (let n = 0; !(await fetch(url + "/livez").catch(() => null))?.ok; n++) assert.ok(n < 500, log);
    browser = await launch();
    page = await visit();
  });
  after(async () => {
    await browser?.close();
    server?.removeAllListeners("exit");
    server?.kill();
    rmSync(data, { recursive: true, force: true });
  });

  async function visit(options = {}) {
    const p = await open(browser, { url, ...options });
    pages.push(p);
    return p;
  }

  // enter gives name and password.
  async function enter(on, login = "ada@example.org") {
    await on.goto("/");
    await field("E-mail or mention name", on).fill(login);
    await field("Password", on).fill(password);
    await button("Sign in", on).click();
  }

  const inside = (on = page) => on.locator(".sidebar").waitFor({ state: "attached" });

  async function confirm(on = page) {
    await field("Present password", on.getByRole("dialog")).fill(password);
    await button("Go on", on.getByRole("dialog")).click();
  }

  it("an empty place is taken over with the code of the terminal", async () => {
    await page.goto("/");
    await page.getByRole("heading", { name: "Nobody is here yet" }).waitFor();
    await axe(page, "first page");
    await field("Code from the server's terminal").fill("AAAA-AAAA-AAAA-AAAA");
    await field("What the place is called").fill("Estuary Watch");
    await field("Name").fill("Ada Lovelace");
    await field("E-mail").fill("ada@example.org");
    await field("New password").fill(password);
    await button("Make the place mine").click();
    await page.getByText("this is not the code").waitFor();
    await field("Code from the server's terminal").fill(firstCode);
    await button("Make the place mine").click();
    await inside();
    await page.locator(".place-name", { hasText: "Estuary Watch" }).waitFor();
    calm(page, [/40[13]/]);
  });

  it("profile and preferences are kept, and in step in another tab", async () => {
    await page.goto("/preferences");
    await field("Mention name").fill("ada");
    await field("Title").fill("Engines");
    await field("Time zone").fill("Mars/Olympus");
    await button("Save").first().click();
    await page.getByText("is not a time zone").waitFor();
    await field("Time zone").fill("Europe/London");
    await button("Save").first().click();
    await page.locator(".said", { hasText: "Saved" }).waitFor();
    const other = await page.context().newPage();
    await other.goto("/preferences");
    await other.getByRole("heading", { name: "Preferences" }).waitFor();
    await page.getByLabel("Dark").check();
    await page.getByLabel("Density").selectOption("compact");
    await page.getByLabel("Quiet hours").check();
    await field("From").fill("21:30");
    await page.getByLabel("Sunday").uncheck();
    await button("1 hour").click();
    await page.getByText(/^Paused until/).waitFor();
    await other.getByText(/^Paused until/).waitFor();
    await button("Go on now", other).click();
    await page.getByText(/^Paused until/).waitFor({ state: "detached" });
    await other.close();
    await page.reload();
    await field("From").waitFor();
    assert.equal(await field("From").inputValue(), "21:30");
    assert.equal(await page.getByLabel("Sunday").isChecked(), false);
    assert.equal(await page.evaluate(() => document.documentElement.dataset.density + getComputedStyle(document.documentElement).colorScheme), "compactdark");
    await axe(page, "preferences");
    calm(page, [/40[013]/]);
  });

  it("a picture is put up and taken down", async () => {
    await page.goto("/preferences");
    const png = await page.evaluate(async () => {
      const c = new OffscreenCanvas(64, 64);
      c.getContext("2d").fillRect(0, 0, 64, 64);
      return [...new Uint8Array(await (await c.convertToBlob()).arrayBuffer())];
    });
    await page.locator("input[type=file]").setInputFiles({ name: "me.png", mimeType: "image/png", buffer: Buffer.from(png) });
    await button("Use this picture").click();
    await page.locator(".me-panel img.avatar").waitFor();
    await button("Remove the picture").click();
    await page.locator(".me-panel img.avatar").waitFor({ state: "detached" });
    calm(page, [/40[013]/]);
  });

  let secret, recovery, fresh;
  it("an authenticator app is set up, asked for, and no code counts twice", async () => {
    await page.goto("/preferences");
    await button("Set up an app").click();
    await confirm();
    const dialog = page.getByRole("dialog", { name: "Authenticator app" });
    await dialog.getByAltText("QR code for an authenticator app").waitFor();
    await axe(page, "setting up an app");
    secret = await dialog.getByLabel("Key").inputValue();
    await dialog.getByLabel("Code that the app shows").fill("000000");
    await button("Turn on").click();
    await dialog.getByText("this code is not right").waitFor();
    await dialog.getByLabel("Code that the app shows").fill(code(secret));
    await button("Turn on").click();
    const codes = page.getByRole("dialog", { name: "Recovery codes" });
    await codes.locator("code").nth(9).waitFor();
    recovery = await codes.locator("code").allInnerTexts();
    assert.equal(recovery.length, 10);
    await button("I have kept them").click();
    await page.getByText("Set up. 10 recovery codes left.").waitFor();
    await button("Sign out").click();
    await enter(page);
    await page.getByRole("heading", { name: "Second step" }).waitFor();
    await axe(page, "second step");
    const once = code(secret, 1);
    await page.getByLabel("Code of your app").fill(once);
    await button("Sign in").click();
    await inside();
    await page.goto("/preferences");
    await button("Sign out").click();
    await enter(page);
    await page.getByLabel("Code of your app").fill(once);
    await button("Sign in").click();
    await page.getByText("this code is not right").waitFor();
    await page.getByLabel("Code of your app").fill(recovery[0]);
    await button("Sign in").click();
    await inside();
    await page.goto("/preferences");
    await page.getByText("Set up. 9 recovery codes left.").waitFor();
    await button("Make new recovery codes").click();
    await confirm();
    await codes.locator("code").nth(9).waitFor();
    fresh = await codes.locator("code").allInnerTexts();
    await button("I have kept them").click();
    await page.getByText("Set up. 10 recovery codes left.").waitFor();
    calm(page, [/40[013]/]);
  });

  it("a passkey is made, named, signs in alone and as the second step, and is removed", async () => {
    const cdp = await page.context().newCDPSession(page);
    await cdp.send("WebAuthn.enable");
    await cdp.send("WebAuthn.addVirtualAuthenticator", { options: { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true } });
    await page.goto("/preferences");
    await button("Add a passkey").click();
    await confirm();
    const naming = page.getByRole("dialog", { name: "Name of the passkey" });
    await naming.getByLabel("Name of the passkey").fill("Laptop");
    await button("Save", naming).click();
    await button("Remove the passkey Laptop").waitFor();
    await button("Rename the passkey Laptop").click();
    await naming.getByLabel("Name of the passkey").fill("Old laptop");
    await button("Save", naming).click();
    await button("Remove the passkey Old laptop").waitFor();
    await button("Sign out").click();
    await button("Sign in with a passkey").click();
    await inside();
    await page.goto("/preferences");
    await page.getByText(/for localhost · made .* · used /).waitFor();
    await button("Sign out").click();
    await enter(page);
    await button("Use a passkey").click();
    await inside();

    // An answer that was heard on the way cannot be given again.
    const heard = page.waitForRequest((r) => r.method() === "PUT" && r.url().endsWith("/session/passkey"));
    await page.goto("/preferences");
    await button("Sign out").click();
    await button("Sign in with a passkey").click();
    const body = (await heard).postData();
    await inside();
    const again = await fetch(url + "/api/v1/session/passkey", { method: "PUT", headers: { "Content-Type": "application/json" }, body });
    assert.equal(again.status, 401);
    const forged = JSON.parse(body);
    forged.answer.response.signature = forged.answer.response.signature.replace(/^..../, "AAAA");
    assert.equal((await fetch(url + "/api/v1/session/passkey", { method: "PUT", headers: { "Content-Type": "application/json" }, body: JSON.stringify(forged) })).status, 401);

    await page.goto("/preferences");
    await button("Remove the passkey Old laptop").click();
    await confirm();
    await page.getByText("You have none yet.").waitFor();
    await button("Sign out").click();
    await button("Sign in with a passkey").click();
    await page.getByText("this passkey is not known here").waitFor();
    calm(page, [/40[013]/]);
  });

  it("the password is changed, and other sessions end at once", async () => {
    await enter(page);
    await page.getByLabel("Code of your app").fill(recovery[1]);
    await button("Sign in").click();
    await page.getByText("this code is not right").waitFor(); // it was replaced
    await page.getByLabel("Code of your app").fill(fresh[0]);
    await button("Sign in").click();
    await inside();
    await page.goto("/preferences");
    await button("Remove the app").click();
    await confirm();
    await page.getByText("Not set up.").waitFor();
    const other = await visit({ viewport: phone });
    await enter(other);
    await inside(other);
    await page.goto("/preferences");
    await page.getByText("Chrome on").nth(1).waitFor();
    await page.getByRole("button", { name: /^End the session of/ }).click();
    await other.getByText("You were signed out. Sign in again to go on.").waitFor({ timeout: 15_000 });
    await enter(other);
    await inside(other);
    await page.goto("/preferences");
    await page.getByText("Change the password").first().click();
    await field("Present password").fill("something else");
    await field("New password").fill(password + "!");
    await field("The same again").fill(password + "!");
    await button("Change the password").click();
    await page.getByText("this is not your password").waitFor();
    await field("Present password").fill(password);
    await field("New password").fill(password);
    await field("The same again").fill(password);
    await button("Change the password").click();
    await other.getByText("You were signed out. Sign in again to go on.").waitFor({ timeout: 15_000 });
    await enter(other);
    await inside(other);
    await page.reload();
    await button("End all others").click();
    await page.getByText("1 session ended").waitFor();
    await other.context().close();
    pages.pop();
    calm(page, [/40[013]/]);
  });

  it("an administrator sets the place, tries mail, edits people and finds it in the log", async () => {
    await page.goto("/admin/settings");
    await field("Name").fill("Estuary");
    await button("Save").first().click();
    await page.locator(".place-name", { hasText: "Estuary" }).waitFor();
    await field("Mail server").fill("127.0.0.1");
    await field("Port").fill("1");
    await field("Sender's address").fill("chat@example.org");
    await saves("Mail").click();
    await page.locator(".said", { hasText: "Saved" }).waitFor();
    await button("Send a test mail to me").click();
    await page.getByText("No mail to ada@example.org was sent.").waitFor();
    await page.getByText(/connection refused/).waitFor();
    const bob = await page.evaluate(async () => {
      const r = await fetch("/api/v1/admin/people", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ name: "Bob Curlew", email: "bob@example.org", mention: "bob" }) });
      return (await r.json()).link.url;
    });
    const his = await visit();
    await his.goto(bob);
    await his.getByLabel("New password").fill(password);
    await his.getByLabel("The same again").fill(password);
    await button("Set the password and sign in", his).click();
    await inside(his);
    await page.goto("/admin/people");
    await button("Edit Bob Curlew").click();
    const dialog = page.getByRole("dialog", { name: "Edit Bob Curlew" });
    await dialog.getByText("1 session").first().waitFor();
    await axe(page, "editing a person");
    await dialog.getByLabel("Title").fill("Counts waders");
    await dialog.getByLabel("Role").selectOption("admin");
    await button("Save", dialog).click();
    await page.locator(".person-row", { hasText: "Administrator" }).waitFor();
    await button("Edit Bob Curlew").click();
    await button("End all sessions", dialog).click();
    await his.getByText("You were signed out. Sign in again to go on.").waitFor({ timeout: 15_000 });
    await button("Deactivate", dialog).click();
    await page.locator(".person-row", { hasText: "left" }).waitFor();
    await enter(his, "bob");
    await his.getByText("do not belong together").waitFor();
    await button("Edit Bob Curlew").click();
    await button("Reactivate", dialog).click();
    await page.goto("/admin/audit");
    await page.getByRole("cell", { name: "deactivate person", exact: true }).waitFor();
    await page.getByLabel("Find by action, person or note").fill("mail-host");
    await page.getByRole("cell", { name: "deactivate person", exact: true }).waitFor({ state: "detached" });
    await page.getByRole("cell", { name: "mail-host" }).waitFor();
    calm(page, [/40[013]/]);
    calm(his, [/401/]);
  });

  it("whoever must have a second step sets one up before anything else", async () => {
    await page.goto("/admin/settings");
    await page.getByLabel("Second step is required of").selectOption("everybody");
    await saves("What people may do").click();
    const his = pages.at(-1);
    await enter(his, "bob");
    await his.getByRole("heading", { name: "One more step" }).waitFor();
    for (const dark of [false, true]) {
      await his.emulateMedia({ colorScheme: dark ? "dark" : "light" });
      await axe(his, "one more step");
    }
    await button("Set up an app", his).click();
    await confirm(his);
    const key = await his.getByLabel("Key").inputValue();
    await his.getByLabel("Code that the app shows").fill(code(key));
    await button("Turn on", his).click();
    await button("I have kept them", his).click();
    await his.getByRole("button", { name: "Go on", exact: true }).click();
    await inside(his);
    calm(his, [/40[13]/]);
  });

  it("what one is told of is shown by the browser, and not in the room that one looks at", async () => {
    const his = pages.at(-1);
    await his.context().grantPermissions(["notifications"]);
    await his.addInitScript(() => {
      globalThis.shown = [];
      const Real = globalThis.Notification;
      globalThis.Notification = class {
        constructor(title, o) {
          globalThis.shown.push(`${title}: ${o.body}`);
        }

        close() {}
        static get permission() {
          return Real.permission;
        }
      };
    });
    await his.goto("/preferences");
    await his.getByRole("heading", { name: "Notifications" }).waitFor();
    await his.getByRole("button", { name: "Reach this browser while no tab is open" }).waitFor();
    // Ada, whose session is limited now, sets up a second step and writes to him.
    await page.goto("/");
    await button("Set up an app").click();
    await confirm();
    const key = await page.getByLabel("Key").inputValue();
    await page.getByLabel("Code that the app shows").fill(code(key));
    await button("Turn on").click();
    await button("I have kept them").click();
    await page.getByRole("button", { name: "Go on", exact: true }).click();
    await inside();
    await page.goto("/people");
    await button("Send Bob Curlew a message").first().click();
    const box = page.getByRole("textbox", { name: /^Message / });
    await box.fill("are you *there*?");
    await box.press("Enter");
    await his.waitForFunction(() => globalThis.shown.includes("Ada Lovelace: are you there?"));
  });

  it("a push shows a notification while no tab is open", async () => {
    const his = pages.at(-1);
    await his.goto("/preferences");
    const cdp = await his.context().newCDPSession(his);
    const registered = new Promise((done) => cdp.on("ServiceWorker.workerRegistrationUpdated", (e) => e.registrations[0] && done(e.registrations[0].registrationId)));
    await cdp.send("ServiceWorker.enable");
    await his.evaluate(async () => {
      await navigator.serviceWorker.register("/worker.js", { scope: "/" });
      await navigator.serviceWorker.ready;
    });
    await cdp.send("ServiceWorker.deliverPushMessage", { origin: url, registrationId: await registered, data: JSON.stringify({ title: "Ada", text: "hello", room: "r", message: "m" }) });
    await his.waitForFunction(async () => {
      const r = await navigator.serviceWorker.ready;
      const all = await r.getNotifications();
      return all.some((n) => n.title === "Ada" && n.body === "hello" && n.tag === "m");
    });
    calm(his, [/40[13]/]);
  });
});
