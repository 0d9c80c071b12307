import { promises as fs } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import zlib from "node:zlib";
import { defineConfig } from "vite";

// Every text asset is also written compressed, so that a server can hand out
// the small form without spending time on it at each request.
function precompress() {
  return {
    name: "precompress",
    apply: "build",
    async writeBundle(options) {
      for (const entry of await fs.readdir(options.dir, { recursive: true })) {
        if (!/\.(js|css|html|svg)$/.test(entry)) continue;
        const file = path.join(options.dir, entry);
        const bytes = await fs.readFile(file);
        await fs.writeFile(file + ".gz", await promisify(zlib.gzip)(bytes, { level: 9 }));
        // A tenth smaller still; browsers take it where they trust the address.
        const params = { [zlib.constants.BROTLI_PARAM_QUALITY]: 11, [zlib.constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
        await fs.writeFile(file + ".br", await promisify(zlib.brotliCompress)(bytes, { params }));
      }
    },
  };
}

const target = process.env.GODWIT_URL ?? "http://127.0.0.1:8788";

export default defineConfig({
  plugins: [precompress()],
  build: { target: "es2022", assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  server: { proxy: { "/api": target } },
});
