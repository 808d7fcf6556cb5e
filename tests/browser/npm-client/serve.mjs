// Serves the page of the npm client from a loopback port of its own: for the
// server under test that is a foreign origin, as it is for everybody who uses
// the package.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";

const distribution = createRequire(import.meta.url).resolve("gstwebrtc-api");

const FILES = {
  "/": [new URL("index.html", import.meta.url), "text/html; charset=utf-8"],
  "/page.js": [new URL("page.js", import.meta.url), "text/javascript"],
  "/gstwebrtc-api.js": [distribution, "text/javascript"],
};

/** Answers { url, close() }. */
export async function serveNpmClient() {
  const server = createServer(async (request, response) => {
    const [file, type] = FILES[new URL(request.url, "http://localhost").pathname] ?? [];
    if (!file) return response.writeHead(404).end();
    response.writeHead(200, { "content-type": type }).end(await readFile(file));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
