// @ts-check
/**
 * The client's side of one call on the wire, over all of its connections. Pure: messages come in,
 * frames to send come out; time and the socket's backlog are passed in. The worker around it only moves
 * bytes.
 *
 * On the first connection `start` goes first, on every later one RESUME. Typed texts and microphone
 * audio wait until the server has answered it; audio recorded before the call is established is
 * dropped. uplink.js tracks what the server has acknowledged, downlink.js what the page has received
 * and played.
 */

import { Downlink } from "./downlink.js";
import { SEQUENCE_MODULUS, serialDistance } from "./serial-arithmetic.js";
import { MAX_BACKLOG_BYTES, Uplink } from "./uplink.js";
import {
  FrameFlag,
  FrameType,
  INPUT_RATE_HZ,
  WireError,
  decodeEvent,
  decodeFrame,
  encodeFrame,
  framePayload,
} from "./wire.js";

const PING_INTERVAL_MS = 5000;
/** A server that sends nothing for this long, not even an answer to a ping, is gone. */
const UNRESPONSIVE_AFTER_MS = 15_000;
/** Replies whose arrival is remembered until their playback starts. */
const MAX_ARRIVALS = 8;
const EMPTY = new Uint8Array();
const TIMESTAMP_BYTES = 8;

/** @typedef {import("./player.js").Chunk} Chunk */
/** @typedef {import("./player.js").PlayerReport} PlayerReport */
/** @typedef {import("./player.js").StreamReset} StreamReset */
/** @typedef {import("./uplink.js").PendingText} PendingText */
/** @typedef {import("./wire.js").Frame} Frame */
/** @typedef {import("./wire.js").WireEvent} WireEvent */

/**
 * What a received frame asks of the page. `resumed` carries the generation to flush, and the start of
 * other counters, where the call continues from another server or page.
 *
 * @typedef {{ kind: "chunk", chunk: Chunk }
 *   | { kind: "flush", generation: number }
 *   | { kind: "event", event: WireEvent }
 *   | { kind: "resumed", event: WireEvent, flush: number | null, reset: StreamReset | null }
 * } Incoming
 */

/**
 * @typedef {object} ResumePoint What a page that was loaded again knows of its call.
 * @property {string} token Identifies the call to the server.
 * @property {number} position Downlink position played so far.
 * @property {PendingText[]} pendingTexts
 */

/**
 * @typedef {object} OutgoingFrame
 * @property {number} type
 * @property {number} [flags]
 * @property {number} [generation]
 * @property {number} [sequence]
 * @property {number} [position]
 * @property {Uint8Array} payload
 */

export class CallProtocol {
  #greet;
  /** Identifies the call to the server; null until it is established. @type {string | null} */
  #token;
  /** Whether this page was loaded again and has yet to resume the call. */
  #isReloaded;
  #uplink = new Uplink();
  /** Pending texts of the page before, until the server says which of them it has. */
  #restoredTexts;
  #downlink;
  #isReady = false;
  /** @type {OutgoingFrame[]} */
  #controlFrames = [];
  #lastReceivedMs = 0;
  #lastPingMs = 0;
  /** @type {number | null} */
  #roundTripMs = null;

  /** Of the newest ping; null before the first. */
  get roundTripMs() {
    return this.#roundTripMs;
  }
  /** When the first frame of a reply arrived, by its position. @type {Map<number, number>} */
  #replyArrivals = new Map();

  /**
   * @param {object} [call]
   * @param {boolean} [call.greet] Whether the assistant speaks first.
   * @param {ResumePoint | null} [call.resume] The call to resume, rather than a new one.
   */
  constructor({ greet = true, resume = null } = {}) {
    this.#greet = greet;
    this.#token = resume?.token ?? null;
    this.#isReloaded = resume !== null;
    this.#restoredTexts = resume?.pendingTexts ?? [];
    this.#downlink = new Downlink({ initialPosition: resume?.position });
  }

  /** Whether the server knows the call: it can be resumed and needs no ticket. */
  get isEstablished() {
    return this.#token !== null;
  }

  /** Whether the server has answered on this connection, so that queued frames are sent. */
  get isReady() {
    return this.#isReady;
  }

  /** Whether received audio has yet to be played. */
  get hasUnplayedAudio() {
    return this.#downlink.hasUnplayedAudio;
  }

  /** Typed texts that the server has not acknowledged. @returns {PendingText[]} */
  get pendingTexts() {
    return [...this.#restoredTexts, ...this.#uplink.pendingTexts];
  }

  /** Whether a typed text waits for its sequence number. */
  get hasUnsentTexts() {
    return this.#uplink.pendingTexts.some(({ sequence }) => sequence === null);
  }

  // Connections

  /** @param {number} nowMs */
  onConnecting(nowMs) {
    this.#lastReceivedMs = nowMs;
    this.#isReady = false;
    this.#controlFrames = [];
  }

  /**
   * @param {number} nowMs
   * @param {string} ticket For a call that is not established.
   */
  onOpen(nowMs, ticket) {
    this.#lastReceivedMs = nowMs;
    this.#controlFrames = [this.isEstablished ? this.#resumeFrame() : this.#startFrame(ticket)];
    this.#ping(nowMs);
  }

  // The customer's input

  /** @param {string} text */
  sendText(text) {
    this.#uplink.queueText(text);
  }

  /** @param {Int16Array} samples One block of the microphone. */
  sendAudio(samples) {
    if (this.isEstablished) this.#uplink.queueAudio(samples);
  }

  hangUp() {
    this.#uplink.queueEvent({ type: "end" });
    // A call that is not established ends without waiting for the server's answer.
    this.#isReady ||= !this.isEstablished;
  }

  /** @param {PlayerReport} report */
  onPlayerReport(report) {
    this.#downlink.onPlayerReport(report);
  }

  /**
   * Report to the server when the first sample of a reply reached the loudspeaker.
   *
   * @param {object} reply
   * @param {number} reply.position Downlink position of that sample.
   * @param {number} reply.atMs On the clock of every `nowMs` here.
   * @returns {WireEvent | null} The event that was queued; null for a reply that this page did not
   *   see arrive, or has reported already.
   */
  onPlaybackStarted({ position, atMs }) {
    const arrivedMs = this.#replyArrivals.get(position);
    if (arrivedMs === undefined) return null;
    this.#replyArrivals.delete(position);
    const afterMs = roundToTenths(Math.max(0, atMs - arrivedMs));
    const event = { type: "heard", position, afterMs, rttMs: this.#roundTripMs };
    this.#uplink.queueEvent(event);
    return event;
  }

  // The server's frames

  /**
   * Process a WebSocket message and return what it asks of the page.
   *
   * @param {unknown} message
   * @param {number} nowMs
   * @returns {Incoming | null} Null if there is nothing for the page to do.
   * @throws {WireError}
   */
  receive(message, nowMs) {
    const frame = decodeFrame(message);
    this.#lastReceivedMs = nowMs;
    switch (frame.type) {
      case FrameType.AUDIO_OUT:
        return this.#receiveAudio(frame, nowMs);
      case FrameType.FLUSH:
        return this.#receiveFlush(frame);
      case FrameType.EVENT:
        return this.#receiveEvent(frame);
      case FrameType.RESUME:
        return this.#receiveResumed(frame);
      default:
        this.#receiveControl(frame, nowMs);
        return null;
    }
  }

  // Time and outgoing frames

  /** @param {number} nowMs */
  tick(nowMs) {
    if (nowMs - this.#lastPingMs >= PING_INTERVAL_MS) this.#ping(nowMs);
  }

  /** @param {number} nowMs */
  isUnresponsive(nowMs) {
    return nowMs - this.#lastReceivedMs >= UNRESPONSIVE_AFTER_MS;
  }

  /**
   * Return the encoded frames to send now, control frames before audio.
   *
   * @param {number} nowMs
   * @param {number} bufferedBytes Bytes that wait in the socket.
   * @returns {ArrayBuffer[]}
   */
  takeFrames(nowMs, bufferedBytes) {
    const frames = this.#controlFrames.splice(0);
    if (this.#isReady) {
      const ack = this.#downlink.takeAck(nowMs);
      if (ack !== null) frames.push({ type: FrameType.ACK, payload: EMPTY, ...ack });
      frames.push(...this.#uplink.takeFrames(MAX_BACKLOG_BYTES - bufferedBytes));
    }
    const timeMs = Math.trunc(nowMs);
    return frames.map(({ payload, ...header }) => encodeFrame({ ...header, timeMs }, payload));
  }

  /** @param {string} ticket */
  #startFrame(ticket) {
    const greeting = this.#greet ? {} : { greet: false };
    return this.#uplink.createStartFrame({
      type: "start",
      ticket,
      inputSampleRateHz: INPUT_RATE_HZ,
      ...greeting,
    });
  }

  /** @returns {OutgoingFrame} */
  #resumeFrame() {
    const type = FrameType.RESUME;
    const payload = new TextEncoder().encode(String(this.#token));
    const { position, ...counters } = this.#downlink.progress;
    if (this.#isReloaded) return { type, flags: FrameFlag.FIRST, position, payload };
    return { type, position, ...counters, payload };
  }

  /** @param {number} nowMs Sent as the payload; the answer returns it. */
  #ping(nowMs) {
    this.#lastPingMs = nowMs;
    this.#controlFrames.push({ type: FrameType.PING, payload: encodeTimestamp(nowMs) });
  }

  // Receiving

  /**
   * @param {Frame} frame
   * @param {number} nowMs
   * @returns {Incoming | null}
   */
  #receiveAudio(frame, nowMs) {
    if (!this.#downlink.accept(frame)) return null;
    const chunk = this.#downlink.receiveAudio(frame);
    if (chunk.samples.length === 0 && !chunk.isLast) return null;
    if (chunk.isFirst) this.#recordArrival(chunk.position, nowMs);
    return { kind: "chunk", chunk };
  }

  /**
   * @param {number} position
   * @param {number} nowMs
   */
  #recordArrival(position, nowMs) {
    this.#replyArrivals.set(position, nowMs);
    const [oldest] = this.#replyArrivals.keys();
    if (this.#replyArrivals.size > MAX_ARRIVALS) this.#replyArrivals.delete(oldest);
  }

  /**
   * @param {Frame} frame
   * @returns {Incoming | null}
   */
  #receiveFlush(frame) {
    if (!this.#downlink.accept(frame)) return null;
    this.#downlink.flush(frame.generation);
    return { kind: "flush", generation: frame.generation };
  }

  /**
   * @param {Frame} frame
   * @returns {Incoming | null}
   */
  #receiveEvent(frame) {
    const event = decodeEvent(frame);
    if (this.isEstablished && !this.#isReady) {
      // The server refuses to resume the call; such events are not numbered. That the call is unknown
      // is also said by the close code that follows.
      return event.code === "unknown_call" ? null : { kind: "event", event };
    }
    if (!this.#downlink.accept(frame)) return null;
    if (event.type === "ready") this.#establish(event.resumeToken);
    return { kind: "event", event };
  }

  /** @param {unknown} token */
  #establish(token) {
    if (typeof token !== "string") throw new WireError("call without a token");
    this.#isReady = true;
    this.#token = token;
  }

  /**
   * @param {Frame} frame
   * @returns {Incoming}
   */
  #receiveResumed(frame) {
    if (!this.isEstablished || this.#isReady) throw new WireError("unexpected RESUME");
    const event = decodeEvent(frame);
    const { sequence, generation, position } = frame;
    const isReloaded = this.#isReloaded;
    const isRestored = event.restored === true;
    this.#establish(event.resumeToken ?? this.#token);
    this.#uplink.resume(sequence, { isReloaded });
    this.#queueRestoredTexts(sequence);
    const mustFlush = this.#downlink.resume({ generation, isReloaded, isRestored });
    this.#isReloaded = false;
    const reset = { generation, position: isReloaded ? position : null };
    return {
      kind: "resumed",
      event,
      flush: mustFlush ? generation : null,
      reset: isReloaded || isRestored ? reset : null,
    };
  }

  /** @param {number} firstMissing First sequence that the server lacks. */
  #queueRestoredTexts(firstMissing) {
    const missing = this.#restoredTexts.filter(
      ({ sequence }) =>
        sequence === null || serialDistance(firstMissing, sequence, SEQUENCE_MODULUS) >= 0,
    );
    this.#restoredTexts = [];
    this.#uplink.queueTextsFirst(missing.map(({ text }) => text));
  }

  /**
   * @param {Frame} frame
   * @param {number} nowMs
   */
  #receiveControl(frame, nowMs) {
    const payload = framePayload(frame);
    switch (frame.type) {
      case FrameType.ACK:
        return this.#uplink.acknowledge(frame.sequence);
      case FrameType.PING:
        return void this.#controlFrames.push({ type: FrameType.PONG, payload });
      case FrameType.PONG:
        if (payload.byteLength === TIMESTAMP_BYTES) {
          this.#roundTripMs = roundToTenths(nowMs - decodeTimestamp(payload));
        }
        return;
      default:
        throw new WireError(`unexpected frame type ${frame.type}`);
    }
  }
}

/** @param {number} timeMs */
function encodeTimestamp(timeMs) {
  const bytes = new Uint8Array(TIMESTAMP_BYTES);
  new DataView(bytes.buffer).setFloat64(0, timeMs);
  return bytes;
}

/** @param {Uint8Array} payload */
function decodeTimestamp({ buffer, byteOffset }) {
  return new DataView(buffer, byteOffset).getFloat64(0);
}

/** @param {number} ms */
function roundToTenths(ms) {
  return Math.round(ms * 10) / 10;
}
