// @ts-check
/**
 * The page's handle on the socket worker, which keeps one call alive over as many connections as it
 * takes.
 */

/** @typedef {import("./call-state.js").Action} Action */
/** @typedef {import("./connection.js").WireEvent} WireEvent */
/** @typedef {import("./socket-worker.js").FromPage} FromPage */
/** @typedef {import("./socket-worker.js").ToPage} ToPage */
/** @typedef {Omit<import("./socket-worker.js").Dial, "kind">} Dial */

/**
 * @typedef {object} SocketListener
 * @property {(event: WireEvent, heard: { sounding: boolean }) => void} onEvent `sounding`: something
 *   that has come is still to be heard
 * @property {(texts: import("./uplink.js").UnsaidText[]) => void} onUnsaid what was typed and is not
 *   known to have come
 * @property {() => void} onRetry
 * @property {(action: Action) => void} onOver never after `hangUp` or `drop`, nor after `ended`
 */

export class Socket {
  #worker;
  #listener;
  #over = false;

  /**
   * @param {string} workerUrl
   * @param {SocketListener} listener
   */
  constructor(workerUrl, listener) {
    this.#listener = listener;
    this.#worker = new Worker(workerUrl, { type: "module" });
    this.#worker.onmessage = ({ data }) => this.#hear(data);
    this.#worker.onerror = () => this.#failed();
  }

  /** @param {Dial} dial */
  dial(dial) {
    this.#post({ kind: "dial", ...dial }, [dial.capture, dial.playback]);
  }

  /** @param {string} text */
  say(text) {
    this.#post({ kind: "text", text });
  }

  /** @param {{ position: number, atMs: number }} begun a reply, `atMs` since 1970 */
  heard(begun) {
    this.#post({ kind: "heard", ...begun });
  }

  /** The network is back. */
  hurry() {
    this.#post({ kind: "hurry" });
  }

  hangUp() {
    this.#over = true;
    this.#post({ kind: "hang-up" });
  }

  /** Close without a word: the page is going away, and its call may be gone on with. */
  drop() {
    this.#over = true;
    this.#worker.terminate();
  }

  /**
   * @param {FromPage} message
   * @param {Transferable[]} [transfer]
   */
  #post(message, transfer = []) {
    this.#worker.postMessage(message, transfer);
  }

  /** The worker's script did not come, or broke. */
  #failed() {
    this.#hear({ kind: "over", action: { type: "failed", code: "unreachable" } });
  }

  /** @param {ToPage} message */
  #hear(message) {
    if (this.#over) return;
    switch (message.kind) {
      case "event":
        return this.#listener.onEvent(message.event, message);
      case "unsaid":
        return this.#listener.onUnsaid(message.texts);
      case "retrying":
        return this.#listener.onRetry();
      case "over":
        this.#over = true;
        return this.#listener.onOver(message.action);
    }
  }
}
