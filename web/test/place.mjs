// A real place for browser tests: a demo of its own, served on a port of its
// own, with as many people signed in as a test wants.
//
//	GODWIT_BIN  the program
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import zlib from "node:zlib";
import { freePort } from "./server.mjs";

// png makes a picture of one colour.
export function png(w, h, colour) {
  const raw = Buffer.alloc(h * (w * 3 + 1));
  for (let y = 0; y < h; y++) for (let x = 0; x < w; x++) raw.set(colour, y * (w * 3 + 1) + 1 + x * 3);
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const out = Buffer.alloc(body.length + 8);
    out.writeUInt32BE(data.length);
    body.copy(out, 4);
    out.writeUInt32BE(zlib.crc32(body), body.length + 4);
    return out;
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(w);
  head.writeUInt32BE(h, 4);
  head.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]), chunk("IHDR", head), chunk("IDAT", zlib.deflateSync(raw)), chunk("IEND", Buffer.alloc(0))]);
}

export const bin = process.env.GODWIT_BIN;

export class Place {
  cookies = new Map();

  async open(messages = 300) {
    this.dir = mkdtempSync(path.join(tmpdir(), "godwit-place-"));
    execFileSync(bin, ["demo", "--dir", path.join(this.dir, "demo"), "--listen", "127.0.0.1:0", "--messages", String(messages)], { env: { ...process.env, DEMO_EXIT: "1" } });
    this.password = readFileSync(path.join(this.dir, "demo/password"), "utf8").trim();
    const port = await freePort();
    this.url = `http://127.0.0.1:${port}`;
    this.server = spawn(bin, ["serve", "--data", path.join(this.dir, "demo/data"), "--listen", `127.0.0.1:${port}`], { stdio: ["ignore", "pipe", "inherit"] });
    await new Promise((done, failed) => {
      let said = "";
      this.server.stdout.on("data", (d) => {
        said += d;
        if (said.includes("Godwit is at")) done();
      });
      this.server.on("exit", () => failed(new Error("the server ended")));
    });
    await this.signIn("ada@example.org", this.password);
  }

  async close() {
    if (this.server) {
      this.server.removeAllListeners("exit");
      await new Promise((done) => {
        this.server.on("exit", done);
        this.server.kill("SIGKILL");
      });
    }
    if (this.dir) rmSync(this.dir, { recursive: true, force: true });
  }

  // call asks the API as somebody.
  async call(who, method, where, body) {
    const answer = await fetch(this.url + "/api/v1" + where, {
      method, headers: { Cookie: this.cookies.get(who) ?? "", ...(body && !(body instanceof Buffer) ? { "Content-Type": "application/json" } : {}) },
      body: body instanceof Buffer ? body : body ? JSON.stringify(body) : undefined,
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${where}: ${answer.status} ${text}`);
    const cookie = answer.headers.get("set-cookie");
    if (cookie) this.cookies.set(who, cookie.split(";")[0]);
    return text ? JSON.parse(text) : undefined;
  }

  async signIn(login, password) {
    await this.call(login, "POST", "/session", { login, password });
  }

  // invite makes somebody with a name, and signs them in under it.
  async invite(name) {
    const { person, link } = await this.call("ada@example.org", "POST", "/admin/people", { name, mention: name.toLowerCase(), email: name.toLowerCase() + "@example.org" });
    await this.call(name, "POST", "/links/" + link.url.split("/").pop(), { password: "tidal flats at dawn" });
    return person.id;
  }

  // as gives a browser's page the session of somebody.
  async as(page, who) {
    const [name, value] = this.cookies.get(who).split("=");
    await page.context().addCookies([{ name, value, url: this.url }]);
  }
}
