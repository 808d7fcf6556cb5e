// A small WebDriver BiDi client (https://w3c.github.io/webdriver-bidi/):
// commands out, answers and events in, over one websocket.

// playwright-core carries the `ws` package; its exact version is pinned, so this inner door does not move.
import bundle from "playwright-core/lib/utilsBundle";

export class Bidi {
  #socket;
  #next = 1;
  #waiting = new Map();
  #listeners = [];

  static async connect(url) {
    const bidi = new Bidi();
    bidi.#socket = new bundle.ws(url);
    await new Promise((resolve, reject) => {
      bidi.#socket.once("open", resolve);
      bidi.#socket.once("error", reject);
    });
    bidi.#socket.on("message", (data) => bidi.#receive(JSON.parse(data)));
    bidi.#socket.on("close", () => bidi.#lost());
    return bidi;
  }

  /** Sends a command; answers its result, or throws what the browser says. */
  send(method, params = {}) {
    const id = this.#next++;
    this.#socket.send(JSON.stringify({ id, method, params }));
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  /** Calls `listener(params)` for every event of this name; the event must be subscribed to. */
  on(method, listener) {
    this.#listeners.push({ method, listener });
  }

  close() {
    this.#socket.terminate();
  }

  #receive({ id, method, params, result, error, message }) {
    for (const each of this.#listeners) if (each.method === method) each.listener(params);
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error) waiting?.reject(new Error(`${error}: ${message}`));
    else waiting?.resolve(result);
  }

  #lost() {
    for (const { reject } of this.#waiting.values()) reject(new Error("the browser closed its BiDi connection"));
    this.#waiting.clear();
  }
}
