// @ts-check
/**
 * The WebSocket, off the page's thread: a page busy drawing neither delays nor loses sound. Blocks
 * come from the capture worklet and chunks go to the playback worklet through MessagePorts; the
 * page sees events only. One worker serves one call, over as many sockets as it takes to reach the
 * server; it ends itself after the last.
 */

import { Connection } from "./connection.js";
import { SUBPROTOCOL } from "./wire.js";

const TICK_MS = 250;
/** A close that the other side doesn't answer is given up after this. */
const GOODBYE_MS = 2000;
const NORMAL = 1000;
/** What a browser may say for "your frame makes no sense" (1002 is not its to send). */
const NONSENSE = 4002;
const DEAF = 4008;

/**
 * @typedef {{ kind: "open", url: string }
 *   | { kind: "ports", capture: MessagePort, playback: MessagePort }
 *   | { kind: "text", text: string }
 *   | { kind: "hang-up" }
 *   | { kind: "leave" }} FromPage `leave`: the server has ended the call
 */

/**
 * @typedef {{ kind: "event", event: import("./connection.js").WireEvent }
 *   | { kind: "closed", code: number, opened: boolean }} ToPage
 */

class Line {
  /** @type {WebSocket | null} */
  #socket = null;
  #connection = new Connection(performance.now());
  /** @type {MessagePort | null} */
  #playback = null;
  #opened = false;
  #over = false;

  constructor() {
    setInterval(() => this.#tick(), TICK_MS);
  }

  /** @param {FromPage} message */
  fromPage(message) {
    switch (message.kind) {
      case "open":
        return this.#open(message.url);
      case "ports":
        return this.#connectAudio(message.capture, message.playback);
      case "text":
        this.#connection.text(message.text);
        return this.#drain();
      case "hang-up":
        return this.#hangUp();
      case "leave":
        return this.#leave();
    }
  }

  /** @param {string} url */
  #open(url) {
    const socket = new WebSocket(url, [SUBPROTOCOL]);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.#begin();
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = ({ code }) => this.#closed(socket, code);
    this.#socket = socket;
    this.#opened = false;
  }

  /**
   * @param {MessagePort} capture
   * @param {MessagePort} playback
   */
  #connectAudio(capture, playback) {
    this.#playback = playback;
    playback.onmessage = ({ data }) => {
      this.#connection.played(data, performance.now());
      this.#drain();
    };
    capture.onmessage = ({ data }) => {
      this.#connection.record(data);
      this.#drain();
    };
  }

  #begin() {
    this.#opened = true;
    this.#drain();
  }

  /** @param {unknown} data */
  #receive(data) {
    if (this.#over) return;
    try {
      this.#deliver(this.#connection.receive(data, performance.now()));
    } catch (error) {
      console.error("sonic.audio.v1:", error);
      this.#giveUp(NONSENSE);
    }
    this.#drain();
  }

  /** @param {import("./connection.js").Incoming | null} incoming */
  #deliver(incoming) {
    switch (incoming?.kind) {
      case "chunk":
        return this.#playback?.postMessage(incoming.chunk, [bufferOf(incoming.chunk)]);
      case "flush":
        return this.#playback?.postMessage({ flush: incoming.generation });
      case "event":
        return tell(incoming);
    }
  }

  #tick() {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    const nowMs = performance.now();
    if (this.#connection.isDeaf(nowMs)) return this.#giveUp(DEAF);
    this.#connection.tick(nowMs);
    this.#drain();
  }

  #drain() {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN || this.#over) return;
    const frames = this.#connection.framesToSend(performance.now(), socket.bufferedAmount);
    for (const frame of frames) socket.send(frame);
  }

  #hangUp() {
    this.#connection.hangUp();
    this.#drain();
    this.#leave();
  }

  #leave() {
    this.#over = true;
    this.#socket?.close(NORMAL);
    setTimeout(() => self.close(), GOODBYE_MS);
  }

  /**
   * Stop believing in this socket, without waiting for an answer to the close.
   *
   * @param {number} code
   */
  #giveUp(code) {
    const socket = this.#socket;
    if (socket === null) return;
    socket.onclose = null;
    socket.close(code);
    this.#closed(socket, code);
  }

  /**
   * @param {WebSocket} socket
   * @param {number} code
   */
  #closed(socket, code) {
    if (this.#over) return self.close();
    if (socket !== this.#socket) return;
    this.#socket = null;
    tell({ kind: "closed", code, opened: this.#opened });
  }
}

/** @param {ToPage} message */
function tell(message) {
  self.postMessage(message);
}

/** @param {import("./player.js").Chunk} chunk */
function bufferOf(chunk) {
  return /** @type {ArrayBuffer} */ (chunk.samples.buffer);
}

const line = new Line();
self.onmessage = ({ data }) => line.fromPage(data);
