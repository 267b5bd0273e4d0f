// @ts-check
/** The page's client of the socket worker, which runs one call over all of its connections. */

/** @typedef {import("./call-state.js").Action} Action */
/** @typedef {import("./uplink.js").PendingText} PendingText */
/** @typedef {import("./wire.js").WireEvent} WireEvent */
/** @typedef {import("./socket-worker.js").WorkerCommand} WorkerCommand */
/** @typedef {import("./socket-worker.js").WorkerMessage} WorkerMessage */
/** @typedef {Omit<import("./socket-worker.js").StartCommand, "kind">} StartOptions */

/**
 * @typedef {object} SocketListener
 * @property {(event: WireEvent, audio: { hasUnplayedAudio: boolean }) => void} onEvent
 * @property {(texts: PendingText[], newTexts: number) => void} onPendingTexts `newTexts`: how many
 *   texts of `sendText` the worker has received since the last call.
 * @property {(ms: number) => void} onRoundTrip How long a message to the server and back takes.
 * @property {() => void} onReconnecting
 * @property {(action: Action) => void} onClosed The call is over. Not called after `hangUp` or
 *   `terminate`, nor after an `ended` event.
 */

export class SocketClient {
  #worker;
  #listener;
  #isClosed = false;

  /**
   * @param {string} workerUrl
   * @param {SocketListener} listener
   */
  constructor(workerUrl, listener) {
    this.#listener = listener;
    this.#worker = new Worker(workerUrl, { type: "module" });
    this.#worker.onmessage = ({ data }) => this.#onMessage(data);
    this.#worker.onerror = () => this.#onWorkerError();
  }

  /** @param {StartOptions} options */
  start(options) {
    this.#post({ kind: "start", ...options }, [options.capturePort, options.playbackPort]);
  }

  /** @param {string} text */
  sendText(text) {
    this.#post({ kind: "send-text", text });
  }

  /** @param {{ position: number, atMs: number }} reply `atMs` in milliseconds since 1970. */
  reportPlaybackStarted(reply) {
    this.#post({ kind: "playback-started", ...reply });
  }

  /** Reconnect now instead of waiting for the next attempt. */
  reconnect() {
    this.#post({ kind: "reconnect" });
  }

  hangUp() {
    this.#isClosed = true;
    this.#post({ kind: "hang-up" });
  }

  /** Disconnect without hanging up, so that the call can be resumed. */
  terminate() {
    this.#isClosed = true;
    this.#worker.terminate();
  }

  /**
   * @param {WorkerCommand} command
   * @param {Transferable[]} [transfer]
   */
  #post(command, transfer = []) {
    this.#worker.postMessage(command, transfer);
  }

  /** The worker's script could not be loaded, or threw. */
  #onWorkerError() {
    this.#onMessage({ kind: "closed", action: { type: "failed", code: "unreachable" } });
  }

  /** @param {WorkerMessage} message */
  #onMessage(message) {
    if (this.#isClosed) return;
    switch (message.kind) {
      case "event":
        return this.#listener.onEvent(message.event, message);
      case "pending-texts":
        this.#listener.onPendingTexts(message.texts, message.newTexts);
        return this.#post({ kind: "texts-stored", revision: message.revision });
      case "round-trip":
        return this.#listener.onRoundTrip(message.ms);
      case "reconnecting":
        return this.#listener.onReconnecting();
      case "closed":
        this.#isClosed = true;
        return this.#listener.onClosed(message.action);
    }
  }
}
