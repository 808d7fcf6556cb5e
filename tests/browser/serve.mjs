// Serves pages of others from a loopback port of its own: for the server under
// test that is a foreign origin, as it is for everybody who uses these packages.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";

const { resolve } = createRequire(import.meta.url);
const page = (name) => new URL(name, import.meta.url);

const FILES = {
  "/": [page("npm-client/index.html"), "text/html; charset=utf-8"],
  "/page.js": [page("npm-client/page.js"), "text/javascript"],
  "/gstwebrtc-api.js": [resolve("gstwebrtc-api"), "text/javascript"],
  "/whep/": [page("whep/index.html"), "text/html; charset=utf-8"],
  "/whep/page.js": [page("whep/page.js"), "text/javascript"],
  "/whep/events.js": [resolve("events/"), "text/javascript"],
  "/whep/webrtc-player.js": [resolve("@eyevinn/webrtc-player"), "text/javascript"],
};

/** Answers { url, close() }. */
export async function servePages() {
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
