// A real server in a directory of its own, that can be killed and started
// again at the same address.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const binary = process.env.GODWIT ?? path.join(path.dirname(fileURLToPath(import.meta.url)), "../../bin/godwit");

export const password = "tidal flats at dawn";

// freePort is one below those that systems give to connections by themselves:
// a browser opens many, and one could take it before it is used.
export async function freePort() {
  for (;;) {
    const port = 15_000 + Math.floor(Math.random() * 15_000);
    const probe = net.createServer();
    const free = await new Promise((done) => probe.once("error", () => done(false)).listen(port, "127.0.0.1", () => probe.close(() => done(true))));
    if (free) return port;
  }
}

export class Server {
  // make makes a place with people, the first of them its owner.
  static async make(names) {
    if (!existsSync(binary)) throw new Error(`${binary} is not there; type: make bin/godwit`);
    const s = new Server();
    s.data = mkdtempSync(path.join(os.tmpdir(), "godwit-"));
    s.port = await freePort();
    s.url = `http://127.0.0.1:${s.port}`;
    const file = path.join(s.data, "password.txt");
    writeFileSync(file, password, { mode: 0o600 });
    await s.start();
    for (const [i, name] of names.entries()) {
      execFileSync(binary, ["admin", "create-user", ...(i ? [] : ["--owner"]), name, name.toLowerCase() + "@example.org", "--mention", name.toLowerCase(),
        "--data", path.join(s.data, "place"), "--address", s.url, "--password-file", file], { stdio: "pipe" });
    }
    return s;
  }

  async start() {
    this.process = spawn(binary, ["serve", "--data", path.join(this.data, "place"), "--listen", `127.0.0.1:${this.port}`, "--address", this.url], { stdio: ["ignore", "pipe", "pipe"] });
    this.ended = new Promise((done) => this.process.once("exit", done));
    let said = "";
    await new Promise((done, fail) => {
      this.process.once("exit", () => fail(new Error("the server ended: " + said)));
      const look = (data) => {
        said += String(data);
        if (said.includes("msg=serving")) done();
      };
      this.process.stdout.on("data", look);
      this.process.stderr.on("data", look);
    });
  }

  // end ends the server: with SIGKILL at once, with SIGTERM in order.
  async end(signal) {
    this.process.kill(signal);
    await this.ended;
  }

  async remove() {
    await this.end("SIGKILL");
    rmSync(this.data, { recursive: true, force: true });
  }
}
