// @ts-check
/**
 * What one call says and hears, over as many connections as it takes, without a socket: messages
 * come in, frames to send come out, time and the socket's backlog are passed in. The worker around
 * it only moves bytes.
 *
 * Rules kept here: `start` goes first on the first connection, RESUME on every later one; the
 * microphone and typed texts wait until the server has answered it. What counts as said is
 * uplink.js's, what counts as received and heard is downlink.js's.
 */

import { Downlink } from "./downlink.js";
import { SEQUENCES, distance } from "./serial.js";
import { BACKLOG_BYTES, Uplink } from "./uplink.js";
import {
  FrameFlag,
  FrameType,
  INPUT_RATE_HZ,
  WireError,
  decodeFrame,
  encodeFrame,
  eventOf,
  payloadOf,
} from "./wire.js";

const PING_EVERY_MS = 5000;
/** With a ping each 5 s, a server unheard for this long is gone. */
const DEAF_AFTER_MS = 15_000;
/** Replies that have come and whose first sample may still be heard. */
const MOST_ARRIVALS = 8;

/** @typedef {{ type: string } & Record<string, unknown>} WireEvent */
/** @typedef {import("./player.js").Chunk} Chunk */
/** @typedef {import("./player.js").PlayerReport} PlayerReport */
/** @typedef {import("./player.js").Takeover} Takeover */
/** @typedef {import("./uplink.js").UnsaidText} UnsaidText */
/** @typedef {import("./wire.js").Frame} Frame */

/**
 * @typedef {{ kind: "chunk", chunk: Chunk }
 *   | { kind: "flush", generation: number }
 *   | { kind: "event", event: WireEvent }
 *   | { kind: "resumed", event: WireEvent, flush: number | null, takeover: Takeover | null }
 * } Incoming `takeover`: what is heard from now on comes from elsewhere than before
 */

/**
 * @typedef {object} ResumePoint what a page that was loaded again knows of its call
 * @property {string} token
 * @property {number} position downlink index heard so far
 * @property {UnsaidText[]} unsaid what was typed and is not known to have come
 */

/**
 * @typedef {object} Outgoing
 * @property {number} type
 * @property {number} [flags]
 * @property {number} [generation]
 * @property {number} [sequence]
 * @property {number} [position]
 * @property {Uint8Array} payload
 */

export class Connection {
  #greet;
  /** Names the call to the server, once there is one. @type {string | null} */
  #token;
  /** Whether nothing but the token is remembered of the call. */
  #isNewcomer;
  #uplink = new Uplink();
  /** What the page of before had typed, until it is known what of it came. @type {UnsaidText[]} */
  #recalled;
  #downlink;
  /** Whether the server has answered on this connection. */
  #isLive = false;
  /** @type {Outgoing[]} */
  #control = [];
  #lastHeardMs = 0;
  #lastPingMs = 0;
  /** @type {number | null} */
  #rttMs = null;
  /** When the first frame of a reply came, by its position. @type {Map<number, number>} */
  #arrivals = new Map();

  /** @param {{ greet?: boolean, resume?: ResumePoint | null }} [how] the call is begun, or gone on with */
  constructor({ greet = true, resume = null } = {}) {
    this.#greet = greet;
    this.#token = resume?.token ?? null;
    this.#isNewcomer = resume !== null;
    this.#recalled = resume?.unsaid ?? [];
    this.#downlink = new Downlink({ heardBefore: resume?.position });
  }

  /** Whether the server knows this call: it can be resumed, and needs no ticket. */
  get isBegun() {
    return this.#token !== null;
  }

  /** Whether what is said now goes out now. */
  get isLive() {
    return this.#isLive;
  }

  /** Whether something that has come is still to be heard. */
  get isSounding() {
    return this.#downlink.isSounding;
  }

  /** What was typed and is not known to have come. @returns {UnsaidText[]} */
  get unsaidTexts() {
    return [...this.#recalled, ...this.#uplink.unsaidTexts];
  }

  // The connections of the call

  /** @param {number} nowMs a socket is being opened */
  dialled(nowMs) {
    this.#lastHeardMs = nowMs;
    this.#isLive = false;
    this.#control = [];
  }

  /**
   * The socket is open.
   *
   * @param {number} nowMs
   * @param {string} ticket for a call that has not begun
   */
  opened(nowMs, ticket) {
    this.#lastHeardMs = nowMs;
    this.#control = [this.isBegun ? this.#resumption() : this.#beginning(ticket)];
    this.#ping(nowMs);
  }

  // What the customer does

  /** @param {string} text */
  text(text) {
    this.#uplink.type(text);
  }

  /** @param {Int16Array} samples one block of the microphone */
  record(samples) {
    if (this.isBegun) this.#uplink.record(samples);
  }

  hangUp() {
    this.#uplink.say({ type: "end" });
    // Who waits for a call that has not begun need not wait to give it up.
    this.#isLive ||= !this.isBegun;
  }

  /** @param {PlayerReport} report */
  played(report) {
    this.#downlink.played(report);
  }

  /**
   * The first sample of a reply was heard.
   *
   * @param {{ position: number, atMs: number }} begun by the clock of `nowMs`
   * @returns {WireEvent | null} what was told to the server; null where its arrival wasn't seen
   */
  heard({ position, atMs }) {
    const arrivedMs = this.#arrivals.get(position);
    if (arrivedMs === undefined) return null;
    this.#arrivals.delete(position);
    const afterMs = tenths(Math.max(0, atMs - arrivedMs));
    const event = { type: "heard", position, afterMs, rttMs: this.#rttMs };
    this.#uplink.say(event);
    return event;
  }

  // What the server sends

  /**
   * @param {unknown} message
   * @param {number} nowMs
   * @returns {Incoming | null} null for what concerns only the connection itself
   * @throws {WireError}
   */
  receive(message, nowMs) {
    const frame = decodeFrame(message);
    this.#lastHeardMs = nowMs;
    switch (frame.type) {
      case FrameType.AUDIO_OUT:
        return this.#downlink.receive(frame) ? this.#hearSound(frame, nowMs) : null;
      case FrameType.FLUSH:
        return this.#downlink.receive(frame) ? this.#flush(frame.generation) : null;
      case FrameType.EVENT:
        return this.#hearEvent(frame);
      case FrameType.RESUME:
        return this.#resumed(frame);
      default:
        this.#hearControl(frame, nowMs);
        return null;
    }
  }

  // Time, and what goes out

  /** @param {number} nowMs */
  tick(nowMs) {
    if (nowMs - this.#lastPingMs >= PING_EVERY_MS) this.#ping(nowMs);
  }

  /** @param {number} nowMs */
  isDeaf(nowMs) {
    return nowMs - this.#lastHeardMs >= DEAF_AFTER_MS;
  }

  /**
   * @param {number} nowMs
   * @param {number} waitingBytes in the socket
   * @returns {ArrayBuffer[]} the frames to hand over now, control before sound
   */
  framesToSend(nowMs, waitingBytes) {
    /** @type {Outgoing[]} */
    const due = this.#control.splice(0);
    if (this.#isLive) due.push(...this.#due(nowMs, BACKLOG_BYTES - waitingBytes));
    return due.map(({ payload, ...header }) =>
      encodeFrame({ ...header, timeMs: Math.trunc(nowMs) }, payload),
    );
  }

  // Private: sending

  /**
   * @param {number} nowMs
   * @param {number} room
   * @returns {Outgoing[]}
   */
  #due(nowMs, room) {
    const ack = this.#downlink.takeAck(nowMs);
    const sent = this.#uplink.take(room);
    return ack === null ? sent : [{ type: FrameType.ACK, payload: NOTHING, ...ack }, ...sent];
  }

  /** @param {string} ticket */
  #beginning(ticket) {
    const greeting = this.#greet ? {} : { greet: false };
    const start = { type: "start", ticket, inputSampleRateHz: INPUT_RATE_HZ, ...greeting };
    return this.#uplink.start(start);
  }

  /** @returns {Outgoing} */
  #resumption() {
    const payload = new TextEncoder().encode(String(this.#token));
    const { position, ...known } = this.#downlink.progress;
    const type = FrameType.RESUME;
    if (this.#isNewcomer) return { type, flags: FrameFlag.FIRST, position, payload };
    return { type, position, ...known, payload };
  }

  /** @param {number} nowMs the time goes along, and comes back with the answer */
  #ping(nowMs) {
    this.#lastPingMs = nowMs;
    this.#control.push({ type: FrameType.PING, payload: bytesOf(nowMs) });
  }

  // Private: receiving

  /**
   * @param {Frame} frame
   * @param {number} nowMs
   * @returns {Incoming | null}
   */
  #hearSound(frame, nowMs) {
    const chunk = this.#downlink.chunkOf(frame);
    if (chunk.samples.length === 0 && !chunk.last) return null;
    if (chunk.first) this.#arrived(chunk.position, nowMs);
    return { kind: "chunk", chunk };
  }

  /**
   * @param {number} position
   * @param {number} nowMs
   */
  #arrived(position, nowMs) {
    this.#arrivals.set(position, nowMs);
    const [oldest] = this.#arrivals.keys();
    if (this.#arrivals.size > MOST_ARRIVALS) this.#arrivals.delete(oldest);
  }

  /**
   * @param {number} generation
   * @returns {Incoming}
   */
  #flush(generation) {
    this.#downlink.flushed(generation);
    return { kind: "flush", generation };
  }

  /**
   * @param {Frame} frame
   * @returns {Incoming | null}
   */
  #hearEvent(frame) {
    const event = eventOf(frame);
    // A call that is not resumed has no numbers: what is said of it is not counted.
    if (this.isBegun && !this.#isLive) return refusal(event);
    if (!this.#downlink.receive(frame)) return null;
    if (event.type === "ready") this.#begin(event);
    return { kind: "event", event };
  }

  /** @param {WireEvent} ready */
  #begin({ resumeToken }) {
    if (typeof resumeToken !== "string") throw new WireError("a call without a token");
    this.#isLive = true;
    this.#token = resumeToken;
  }

  /**
   * @param {Frame} frame
   * @returns {Incoming}
   */
  #resumed(frame) {
    if (!this.isBegun || this.#isLive) throw new WireError("an answer to no RESUME");
    const event = eventOf(frame);
    const { sequence, generation, position } = frame;
    const isNewcomer = this.#isNewcomer;
    const isRestored = event.restored === true;
    this.#begin({ ...event, resumeToken: event.resumeToken ?? this.#token });
    this.#uplink.resume(sequence, { isNewcomer });
    this.#sayRecalled(sequence);
    const isFlushed = this.#downlink.resume({ generation, isNewcomer, isRestored });
    this.#isNewcomer = false;
    const flush = isFlushed ? generation : null;
    const takeover = { generation, position: isNewcomer ? position : null };
    return { kind: "resumed", event, flush, takeover: isNewcomer || isRestored ? takeover : null };
  }

  /** @param {number} wanted the first number that did not come */
  #sayRecalled(wanted) {
    const isMissing = (/** @type {UnsaidText} */ { sequence }) =>
      sequence === null || distance(wanted, sequence, SEQUENCES) >= 0;
    this.#uplink.typeFirst(
      this.#recalled
        .splice(0)
        .filter(isMissing)
        .map(({ text }) => text),
    );
  }

  /**
   * @param {Frame} frame
   * @param {number} nowMs
   */
  #hearControl(frame, nowMs) {
    switch (frame.type) {
      case FrameType.ACK:
        return this.#uplink.acknowledged(frame.sequence);
      case FrameType.PING:
        return void this.#control.push({ type: FrameType.PONG, payload: payloadOf(frame) });
      case FrameType.PONG:
        return this.#ponged(payloadOf(frame), nowMs);
      default:
        throw new WireError(`a frame of type ${frame.type}`);
    }
  }

  /**
   * @param {Uint8Array} payload
   * @param {number} nowMs
   */
  #ponged(payload, nowMs) {
    if (payload.byteLength === TIME_BYTES) this.#rttMs = tenths(nowMs - timeOf(payload));
  }
}

const NOTHING = new Uint8Array();
const TIME_BYTES = 8;

/** @param {number} timeMs */
function bytesOf(timeMs) {
  const bytes = new Uint8Array(TIME_BYTES);
  new DataView(bytes.buffer).setFloat64(0, timeMs);
  return bytes;
}

/** @param {Uint8Array} payload */
function timeOf({ buffer, byteOffset }) {
  return new DataView(buffer, byteOffset).getFloat64(0);
}

/** @param {number} ms */
function tenths(ms) {
  return Math.round(ms * 10) / 10;
}

/**
 * @param {WireEvent} event
 * @returns {Incoming | null} that the call is unknown is told by the close that follows
 */
function refusal(event) {
  return event.code === "unknown_call" ? null : { kind: "event", event };
}
