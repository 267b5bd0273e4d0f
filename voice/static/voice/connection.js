// @ts-check
/**
 * What one connection says and hears, without the socket: messages come in, frames to send come
 * out, time and the socket's backlog are passed in. The worker around it only moves bytes.
 *
 * Rules kept here: `start` goes first; the microphone and typed texts wait until the server is
 * ready; every frame that counts gets the next sequence number at the moment it is handed over;
 * what was played is acknowledged each 250 ms, at the end of a reply and after a flush. Where the
 * network is slower than speech, control goes on and the oldest sound is given up: the next block's
 * position then shows what is missing.
 */

import { SEQUENCES, distance } from "./serial.js";
import {
  FrameFlag,
  FrameType,
  INPUT_RATE_HZ,
  WireError,
  decodeFrame,
  encodeEvent,
  encodeFrame,
  eventOf,
  payloadOf,
  samplesOf,
} from "./wire.js";

const ACK_EVERY_MS = 250;
const PING_EVERY_MS = 5000;
/** With a ping each 5 s, a server unheard for this long is gone. */
const DEAF_AFTER_MS = 15_000;
/** Two seconds of 16 kHz speech: as much may wait in the socket, and as much here. */
const BACKLOG_BYTES = 64_000;

/** @typedef {{ type: string } & Record<string, unknown>} WireEvent */
/** @typedef {import("./player.js").Chunk} Chunk */
/** @typedef {import("./player.js").PlayerReport} PlayerReport */
/** @typedef {import("./wire.js").Frame} Frame */

/**
 * @typedef {{ kind: "chunk", chunk: Chunk }
 *   | { kind: "flush", generation: number }
 *   | { kind: "event", event: WireEvent }} Incoming
 */

/**
 * @typedef {object} Outgoing
 * @property {number} type
 * @property {Uint8Array} payload
 * @property {boolean} counted whether it takes a sequence number
 * @property {number} [generation]
 * @property {number} [position]
 * @property {number} [sequence] where it isn't counted
 */

export class Connection {
  #ready = false;
  #nextOut = 0;
  #lastIn = -1;
  #lastHeardMs;
  #lastPingMs;
  #lastAckMs = 0;
  /** What the speaker reported last. @type {PlayerReport | null} */
  #report = null;
  #isAcknowledged = true;
  /** Samples of the microphone since the server was ready, sent or not. */
  #recorded = 0;
  /** @type {Outgoing[]} */
  #control = [];
  /** @type {Outgoing[]} */
  #sound = [];
  #soundBytes = 0;
  /** @type {string[]} */
  #earlyTexts = [];

  /** Frames the server left out, and blocks this side gave up. */
  missedFrames = 0;
  droppedBlocks = 0;

  /** @param {number} nowMs */
  constructor(nowMs) {
    this.#lastHeardMs = nowMs;
    this.#lastPingMs = nowMs;
    this.#sendEvent({ type: "start", inputSampleRateHz: INPUT_RATE_HZ });
  }

  // What the customer does

  /** @param {string} text */
  text(text) {
    if (this.#ready) this.#sendEvent({ type: "text", text });
    else this.#earlyTexts.push(text);
  }

  /** @param {Int16Array} samples one block of the microphone */
  record(samples) {
    if (!this.#ready) return;
    const payload = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
    const position = this.#recorded;
    this.#sound.push({ type: FrameType.AUDIO_IN, payload, counted: true, position });
    this.#soundBytes += payload.byteLength;
    this.#recorded += samples.length;
    while (this.#soundBytes > BACKLOG_BYTES) this.#giveUpOldest();
  }

  hangUp() {
    this.#sendEvent({ type: "end" });
  }

  /**
   * What the speaker reports: acknowledged where that is due.
   *
   * @param {PlayerReport} report
   * @param {number} nowMs
   */
  played(report, nowMs) {
    const ended = report.state === "idle" && this.#report?.state !== "idle";
    const flushed = report.generation !== (this.#report?.generation ?? 0);
    this.#report = report;
    this.#isAcknowledged = false;
    if (ended || flushed) this.#ack(nowMs);
    else this.#ackWhenDue(nowMs);
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
        return this.#count(frame) ? { kind: "chunk", chunk: chunkOf(frame) } : null;
      case FrameType.FLUSH:
        return this.#count(frame) ? { kind: "flush", generation: frame.generation } : null;
      case FrameType.EVENT:
        return this.#count(frame) ? this.#hearEvent(eventOf(frame)) : null;
      case FrameType.PING:
        this.#send({ type: FrameType.PONG, payload: payloadOf(frame), counted: false });
        return null;
      case FrameType.PONG:
        return null;
      default:
        throw new WireError(`a frame of type ${frame.type}`);
    }
  }

  // Time, and what goes out

  /** @param {number} nowMs */
  tick(nowMs) {
    this.#ackWhenDue(nowMs);
    if (nowMs - this.#lastPingMs < PING_EVERY_MS) return;
    this.#lastPingMs = nowMs;
    this.#send({ type: FrameType.PING, payload: new Uint8Array(), counted: false });
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
    const due = this.#control.splice(0);
    let room = BACKLOG_BYTES - waitingBytes;
    while (this.#sound.length > 0 && room >= this.#sound[0].payload.byteLength) {
      const block = this.#takeOldest();
      room -= block.payload.byteLength;
      due.push(block);
    }
    return due.map((one) => this.#encode(one, nowMs));
  }

  // Private: sending

  /** @param {WireEvent} event */
  #sendEvent(event) {
    this.#send({ type: FrameType.EVENT, payload: encodeEvent(event), counted: true });
  }

  /** @param {Outgoing} frame */
  #send(frame) {
    this.#control.push(frame);
  }

  /** @param {number} nowMs */
  #ackWhenDue(nowMs) {
    if (!this.#isAcknowledged && nowMs - this.#lastAckMs >= ACK_EVERY_MS) this.#ack(nowMs);
  }

  /** @param {number} nowMs */
  #ack(nowMs) {
    if (this.#report === null) return;
    this.#lastAckMs = nowMs;
    this.#isAcknowledged = true;
    const { generation, position } = this.#report;
    const sequence = Math.max(0, this.#lastIn);
    const payload = new Uint8Array();
    this.#send({ type: FrameType.ACK, payload, counted: false, generation, position, sequence });
  }

  #takeOldest() {
    const [block] = this.#sound.splice(0, 1);
    this.#soundBytes -= block.payload.byteLength;
    return block;
  }

  #giveUpOldest() {
    this.#takeOldest();
    this.droppedBlocks += 1;
  }

  /**
   * @param {Outgoing} outgoing
   * @param {number} nowMs
   */
  #encode({ payload, counted, ...header }, nowMs) {
    const sequence = counted ? this.#nextOut++ : header.sequence;
    return encodeFrame({ ...header, sequence, timeMs: Math.trunc(nowMs) }, payload);
  }

  // Private: receiving

  /**
   * @param {Frame} frame
   * @returns {boolean} false for one that was here before
   */
  #count({ sequence }) {
    const ahead = this.#lastIn < 0 ? sequence + 1 : distance(this.#lastIn, sequence, SEQUENCES);
    if (ahead <= 0) return false;
    this.missedFrames += ahead - 1;
    this.#lastIn = sequence;
    return true;
  }

  /**
   * @param {WireEvent} event
   * @returns {Incoming}
   */
  #hearEvent(event) {
    if (event.type === "ready") {
      this.#ready = true;
      for (const text of this.#earlyTexts.splice(0)) this.text(text);
    }
    return { kind: "event", event };
  }
}

/**
 * @param {Frame} frame
 * @returns {Chunk}
 */
function chunkOf(frame) {
  return {
    samples: samplesOf(frame),
    generation: frame.generation,
    position: frame.position,
    first: (frame.flags & FrameFlag.FIRST) !== 0,
    last: (frame.flags & FrameFlag.LAST) !== 0,
  };
}
