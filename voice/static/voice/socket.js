// @ts-check
/**
 * The page's handle on the socket worker: opens the connection of one call, tries again while the
 * call has not begun, and says in one word why it is over. The place where, later, a call that has
 * begun will be resumed: `retry.js` decides, `#closed` would open again with the call's token.
 */

import { closeFailure } from "./failures.js";
import { retryDelayMs } from "./retry.js";

/** @typedef {import("./connection.js").WireEvent} WireEvent */
/** @typedef {import("./socket-worker.js").FromPage} FromPage */
/** @typedef {import("./socket-worker.js").ToPage} ToPage */
/** @typedef {Extract<ToPage, { kind: "closed" }>} Closed */

/**
 * @typedef {object} SocketListener
 * @property {(event: WireEvent) => void} onEvent
 * @property {() => void} onRetry
 * @property {(code: import("./failures.js").FailureCode) => void} onClosed never after `hangUp` or `leave`
 */

export class Socket {
  #worker;
  #url;
  #listener;
  #attempt = 0;
  #begun = false;
  #over = false;

  /**
   * @param {{ workerUrl: string, socketUrl: string }} urls
   * @param {SocketListener} listener
   */
  constructor({ workerUrl, socketUrl }, listener) {
    this.#url = socketUrl;
    this.#listener = listener;
    this.#worker = new Worker(workerUrl, { type: "module" });
    this.#worker.onmessage = ({ data }) => this.#hear(data);
  }

  /** @param {{ capture: MessagePort, playback: MessagePort }} ports of the worklets */
  open(ports) {
    this.#post({ kind: "ports", ...ports }, [ports.capture, ports.playback]);
    this.#post({ kind: "open", url: this.#url });
  }

  /** @param {string} text */
  say(text) {
    this.#post({ kind: "text", text });
  }

  hangUp() {
    this.#over = true;
    this.#post({ kind: "hang-up" });
  }

  /** Close after the server has ended the call. */
  leave() {
    this.#over = true;
    this.#post({ kind: "leave" });
  }

  /**
   * @param {FromPage} message
   * @param {Transferable[]} [transfer]
   */
  #post(message, transfer = []) {
    this.#worker.postMessage(message, transfer);
  }

  /** @param {ToPage} message */
  #hear(message) {
    if (this.#over) return;
    if (message.kind === "closed") return this.#closed(message);
    if (message.event.type === "ready") this.#begun = true;
    this.#listener.onEvent(message.event);
  }

  /** @param {Closed} closed */
  #closed(closed) {
    const begun = this.#begun;
    const delayMs = retryDelayMs({ attempt: this.#attempt++, begun, opened: closed.opened });
    if (delayMs === null) return void this.#giveUp(closed);
    this.#listener.onRetry();
    setTimeout(() => this.#openAgain(), delayMs);
  }

  #openAgain() {
    if (!this.#over) this.#post({ kind: "open", url: this.#url });
  }

  /** @param {Closed} closed */
  async #giveUp({ code, opened }) {
    const answers = opened || (await serverAnswers());
    if (this.#over) return;
    this.#over = true;
    this.#worker.terminate();
    this.#listener.onClosed(closeFailure({ code, opened, answers }));
  }
}

/** Whether the server that gave us this page still gives it: a refused socket looks like none. */
async function serverAnswers() {
  try {
    return (await fetch(location.pathname, { cache: "no-store" })).ok;
  } catch {
    return false;
  }
}
