// @ts-check
/**
 * The WebSocket, off the page's thread: a page busy drawing neither delays nor loses sound, and a
 * page in the background still comes back to its call. Blocks come from the capture worklet and
 * chunks go to the playback worklet through MessagePorts; the page sees events only. One worker
 * serves one call, over as many connections as it takes; it ends itself after the last.
 */

import { Connection } from "./connection.js";
import { closeAction } from "./failures.js";
import { RetryPolicy } from "./retry.js";
import { UNREACHABLE, ticketAnswer } from "./ticket.js";
import { SUBPROTOCOL } from "./wire.js";

const TICK_MS = 250;
const TICKET_WITHIN_MS = 15_000;
/** For so long a server that told that it would hang up may be away before that is an alarm. */
const QUIET_MS = 3000;
/** For so long a close may take. */
const GOODBYE_MS = 2000;
const NORMAL = 1000;
const ABNORMAL = 1006;
/** What a browser may say for "your frame makes no sense" (1002 is not its to send). */
const NONSENSE = 4002;
const DEAF = 4008;

/** @typedef {import("./call-state.js").Action} Action */
/** @typedef {import("./connection.js").WireEvent} WireEvent */
/** @typedef {import("./uplink.js").UnsaidText} UnsaidText */

/**
 * @typedef {object} Dial
 * @property {"dial"} kind
 * @property {string} socketUrl
 * @property {string} ticketUrl
 * @property {number} patienceMs for so long a lost call is tried to be gone on with
 * @property {boolean} greet
 * @property {import("./connection.js").ResumePoint | null} resume a call to go on with
 * @property {MessagePort} capture
 * @property {MessagePort} playback
 */

/**
 * @typedef {Dial
 *   | { kind: "text", text: string }
 *   | { kind: "heard", position: number, atMs: number }
 *   | { kind: "hurry" }
 *   | { kind: "hang-up" }} FromPage `atMs`: milliseconds since 1970; `hurry`: the network is back
 */

/**
 * @typedef {{ kind: "event", event: WireEvent, sounding: boolean }
 *   | { kind: "unsaid", texts: UnsaidText[] }
 *   | { kind: "retrying" }
 *   | { kind: "over", action: Action }} ToPage `sounding`: something that has come is still to be heard
 */

class Line {
  #urls;
  #connection;
  #retry;
  #playback;
  /** @type {WebSocket | null} */
  #socket = null;
  #opened = false;
  #isLeaving = false;
  /** What was told last. */
  #unsaid = "[]";
  #over = false;
  /** @type {number | undefined} */
  #waiting;
  /** @type {number | undefined} */
  #alarm;

  /** @param {Dial} dial */
  constructor({ socketUrl, ticketUrl, patienceMs, greet, resume, capture, playback }) {
    this.#urls = { socketUrl, ticketUrl };
    this.#connection = new Connection({ greet, resume });
    const isBegun = this.#connection.isBegun;
    this.#retry = new RetryPolicy({ isBegun, nowMs: performance.now(), patienceMs });
    this.#playback = playback;
    playback.onmessage = ({ data }) => this.#act(() => this.#connection.played(data));
    capture.onmessage = ({ data }) => this.#act(() => this.#connection.record(data));
    setInterval(() => this.#tick(), TICK_MS);
    void this.#reach();
  }

  // What the page says

  /** @param {string} text */
  text(text) {
    this.#act(() => this.#connection.text(text));
  }

  /** @param {{ position: number, atMs: number }} begun a reply, `atMs` since 1970 */
  heard({ position, atMs }) {
    const event = this.#connection.heard({ position, atMs: atMs - performance.timeOrigin });
    if (event !== null) this.#tellEvent(event);
    this.#drain();
  }

  hangUp() {
    this.#act(() => this.#connection.hangUp());
    const { isBegun, isLive } = this.#connection;
    if (!isBegun || (isLive && this.#socket !== null)) return this.#leave();
    // A server that is being sought is told if it is found at once, and not waited for.
    this.#isLeaving = true;
    this.hurry();
    setTimeout(() => this.#leave(), GOODBYE_MS);
  }

  /** The network is back: there is nothing to wait for any more. */
  hurry() {
    if (this.#waiting === undefined) return;
    clearTimeout(this.#waiting);
    void this.#reach();
  }

  // Reaching the server

  async #reach() {
    this.#waiting = undefined;
    if (this.#connection.isBegun) return this.#open("");
    const answer = await askForTicket(this.#urls.ticketUrl);
    if (this.#over) return;
    switch (answer.kind) {
      case "ticket":
        return this.#open(answer.ticket);
      case "busy":
        return this.#end({ ...answer, type: "turned-away" });
      case "refused":
        return this.#end({ type: "failed", code: "refused" });
      case "down":
        return this.#again({ code: ABNORMAL, opened: false }, { ...answer, type: "failed" });
    }
  }

  /** @param {string} ticket */
  #open(ticket) {
    const socket = new WebSocket(this.#urls.socketUrl, [SUBPROTOCOL]);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.#begin(ticket);
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = ({ code }) => this.#closed(socket, code);
    this.#socket = socket;
    this.#opened = false;
    this.#connection.dialled(performance.now());
  }

  /** @param {string} ticket */
  #begin(ticket) {
    this.#opened = true;
    this.#connection.opened(performance.now(), ticket);
    this.#drain();
  }

  // What the server says

  /** @param {unknown} data */
  #receive(data) {
    if (this.#over) return;
    try {
      const incoming = this.#connection.receive(data, performance.now());
      if (incoming !== null) this.#deliver(incoming);
    } catch (error) {
      console.error("sonic.audio.v1:", error);
      this.#giveUp(NONSENSE);
    }
    this.#drain();
  }

  /** @param {import("./connection.js").Incoming} incoming */
  #deliver(incoming) {
    switch (incoming.kind) {
      case "chunk":
        return this.#playback.postMessage(incoming, [bufferOf(incoming.chunk)]);
      case "flush":
        return this.#playback.postMessage(incoming);
      case "resumed":
        return this.#resumed(incoming);
      case "event":
        return this.#hear(incoming.event);
    }
  }

  /** @param {Extract<import("./connection.js").Incoming, { kind: "resumed" }>} resumed */
  #resumed({ event, flush, takeover }) {
    this.#retry.live(performance.now());
    clearTimeout(this.#alarm);
    if (flush !== null) this.#playback.postMessage({ kind: "flush", generation: flush });
    if (takeover !== null) this.#playback.postMessage({ kind: "takeover", takeover });
    this.#tellEvent(event);
    if (!this.#isLeaving) return;
    this.#drain();
    this.#leave();
  }

  /** @param {WireEvent} event */
  #hear(event) {
    if (event.type === "ready") this.#retry.live(performance.now());
    if (event.type === "moving") this.#retry.announced(Number(event.resumeAfterMs) || 0);
    this.#tellEvent(event);
    if (event.type === "ended") this.#finish();
  }

  /** What the server still had to say is heard to the end. */
  #finish() {
    this.#playback.postMessage({ kind: "finish" });
    this.#leave();
  }

  // Private: time, and what goes out

  #tick() {
    if (this.#socket === null || this.#over) return;
    const nowMs = performance.now();
    if (this.#connection.isDeaf(nowMs)) return this.#giveUp(DEAF);
    if (this.#opened) this.#act(() => this.#connection.tick(nowMs));
  }

  /** @param {() => void} action after which there may be something to send */
  #act(action) {
    action();
    this.#drain();
  }

  #drain() {
    this.#send();
    this.#tellUnsaid();
  }

  #send() {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN || this.#over) return;
    const frames = this.#connection.framesToSend(performance.now(), socket.bufferedAmount);
    for (const frame of frames) socket.send(frame);
  }

  /** Tells what the page has to know in case it is loaded again. */
  #tellUnsaid() {
    const texts = this.#connection.unsaidTexts;
    const unsaid = JSON.stringify(texts);
    if (unsaid === this.#unsaid) return;
    this.#unsaid = unsaid;
    tell({ kind: "unsaid", texts });
  }

  /** @param {WireEvent} event */
  #tellEvent(event) {
    tell({ kind: "event", event, sounding: this.#connection.isSounding });
  }

  // The ends of a connection, and of the call

  /**
   * Stop believing in this socket, without waiting for an answer to the close.
   *
   * @param {number} code
   */
  #giveUp(code) {
    const socket = this.#socket;
    if (socket === null) return;
    socket.onclose = socket.onmessage = null;
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
    const closed = { code, opened: this.#opened };
    this.#again(closed, closeAction({ ...closed, isBegun: this.#connection.isBegun }));
  }

  /**
   * @param {{ code: number, opened: boolean }} closed
   * @param {Action} otherwise what it means if it is not to be tried again
   */
  #again(closed, otherwise) {
    const nowMs = performance.now();
    const retry = this.#retry.closed({ ...closed, nowMs, chance: Math.random() });
    if (retry === null) return this.#end(otherwise);
    this.#alarmAfter(retry.isAnnounced ? retry.delayMs + QUIET_MS : 0);
    this.#waiting = setTimeout(() => this.#over || this.#reach(), retry.delayMs);
  }

  /** @param {number} delayMs */
  #alarmAfter(delayMs) {
    clearTimeout(this.#alarm);
    this.#alarm = setTimeout(() => tell({ kind: "retrying" }), delayMs);
  }

  /** @param {Action} action */
  #end(action) {
    this.#over = true;
    clearTimeout(this.#alarm);
    tell({ kind: "over", action });
    setTimeout(() => self.close(), GOODBYE_MS);
  }

  #leave() {
    this.#over = true;
    this.#socket?.close(NORMAL);
    setTimeout(() => self.close(), GOODBYE_MS);
  }
}

/**
 * @param {string} url
 * @returns {Promise<import("./ticket.js").TicketAnswer>}
 */
async function askForTicket(url) {
  const signal = AbortSignal.timeout(TICKET_WITHIN_MS);
  try {
    const response = await fetch(url, { method: "POST", cache: "no-store", signal });
    return ticketAnswer(response.status, await response.json().catch(() => null));
  } catch {
    return UNREACHABLE;
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

/** @type {Line | null} */
let line = null;

/** @param {FromPage} message */
function hear(message) {
  switch (message.kind) {
    case "dial":
      return void (line = new Line(message));
    case "text":
      return line?.text(message.text);
    case "heard":
      return line?.heard(message);
    case "hurry":
      return line?.hurry();
    case "hang-up":
      return line?.hangUp();
  }
}

self.onmessage = ({ data }) => hear(data);
