// @ts-check
/**
 * The server's frames as the page receives and plays them: which frames are new, and what to
 * acknowledge. Pure.
 *
 * The server numbers its frames over the whole call. So after a lost connection both sides agree on the
 * missing ones by one number, and a frame that arrives twice is ignored. A page that was loaded again
 * knows no number: it accepts the first frame whatever its number, and on that connection also frames
 * marked RESENT, in any order. Of resent audio it skips what the page before it had played.
 *
 * An acknowledgement carries the sequence received and the position played. A new sequence is
 * acknowledged within a second. A new position is acknowledged every 250 ms, and at once at the end of
 * a reply and after a flush.
 */

import { GENERATION_MODULUS, SEQUENCE_MODULUS, serialDistance } from "./serial-arithmetic.js";
import { FrameFlag, HEADER_BYTES, frameSamples } from "./wire.js";

const PLAYED_INTERVAL_MS = 250;
const RECEIVED_INTERVAL_MS = 1000;

/** @typedef {import("./player.js").Chunk} Chunk */
/** @typedef {import("./player.js").PlayerReport} PlayerReport */
/** @typedef {import("./wire.js").Frame} Frame */
/** @typedef {{ sequence: number, generation: number, position: number }} Progress */

export class Downlink {
  /** First sequence that has not arrived. */
  #nextSequence = 0;
  #acceptsAnySequence = false;
  /** Whether this page resumed the call after it was loaded again. */
  #isReloaded = false;
  #generation = 0;
  /** Position played before this page was loaded. */
  #initialPosition;
  /** Position after the newest audio; null if a flush has dropped it. */
  #endPosition = /** @type {number | null} */ (null);
  /** @type {PlayerReport | null} */
  #lastReport = null;
  #lastAckMs = -RECEIVED_INTERVAL_MS;
  #isAckUrgent = false;
  #hasPlayedNews = false;
  #hasReceivedNews = false;

  /** @param {{ initialPosition?: number }} [call] Position played before this page was loaded. */
  constructor({ initialPosition = 0 } = {}) {
    this.#initialPosition = initialPosition;
  }

  /**
   * What a RESUME frame says of this side: the first sequence that is missing, and the newest
   * generation and position.
   *
   * @returns {Progress}
   */
  get progress() {
    return {
      sequence: this.#nextSequence,
      generation: this.#generation,
      position: this.#playedPosition,
    };
  }

  get #playedPosition() {
    return this.#lastReport?.position ?? this.#initialPosition;
  }

  /** Whether received audio has yet to be played. */
  get hasUnplayedAudio() {
    if (this.#endPosition === null) return false;
    return this.#lastReport?.state !== "idle" || this.#lastReport.position < this.#endPosition;
  }

  /**
   * Count a frame and return whether to process it; false if it has arrived before.
   *
   * @param {Frame} frame
   * @returns {boolean}
   */
  accept({ sequence, flags }) {
    this.#hasReceivedNews = true;
    const isNew =
      this.#acceptsAnySequence ||
      serialDistance(this.#nextSequence, sequence, SEQUENCE_MODULUS) >= 0;
    if (!isNew) return this.#isReloaded && (flags & FrameFlag.RESENT) !== 0;
    this.#acceptsAnySequence = false;
    this.#nextSequence = (sequence + 1) % SEQUENCE_MODULUS;
    return true;
  }

  /**
   * Return the audio of an accepted frame, less what an earlier page has played.
   *
   * @param {Frame} frame
   * @returns {Chunk}
   */
  receiveAudio(frame) {
    const { generation, position, flags, buffer } = frame;
    const samples = this.#unplayedSamples(frame);
    const endPosition = position + (buffer.byteLength - HEADER_BYTES) / 2;
    const chunkPosition = endPosition - samples.length;
    this.#generation = generation;
    this.#endPosition = endPosition;
    return {
      samples,
      generation,
      position: chunkPosition,
      isFirst: (flags & FrameFlag.FIRST) !== 0 && chunkPosition === position,
      isLast: (flags & FrameFlag.LAST) !== 0,
    };
  }

  /** @param {number} generation Everything older is dropped. */
  flush(generation) {
    this.#generation = generation;
    this.#endPosition = null;
  }

  /**
   * Continue the call on another connection, as the server's answer to RESUME says.
   *
   * @param {object} resumed
   * @param {number} resumed.generation
   * @param {boolean} resumed.isReloaded
   * @param {boolean} resumed.isRestored Whether the server has restored the call from storage, and
   *   counts its frames anew.
   * @returns {boolean} Whether the customer interrupted while the connection was lost: audio older than
   *   `generation` must not be played any more.
   */
  resume({ generation, isReloaded, isRestored }) {
    const isNewer = serialDistance(this.#generation, generation, GENERATION_MODULUS) > 0;
    this.#acceptsAnySequence = isReloaded || isRestored;
    this.#isReloaded = isReloaded;
    this.#generation = generation;
    const mustFlush = isNewer && !this.#acceptsAnySequence;
    if (mustFlush) this.#endPosition = null;
    return mustFlush;
  }

  /** @param {PlayerReport} report */
  onPlayerReport(report) {
    const hasEnded = report.state === "idle" && this.#lastReport?.state !== "idle";
    const hasFlushed = report.generation !== (this.#lastReport?.generation ?? 0);
    this.#lastReport = report;
    this.#hasPlayedNews = true;
    this.#isAckUrgent ||= hasEnded || hasFlushed;
  }

  /**
   * Return the acknowledgement that is due, or null. Its `sequence` is the last one received.
   *
   * @param {number} nowMs
   * @returns {Progress | null}
   */
  takeAck(nowMs) {
    const elapsedMs = nowMs - this.#lastAckMs;
    const isPlayedDue = this.#hasPlayedNews && elapsedMs >= PLAYED_INTERVAL_MS;
    const isReceivedDue = this.#hasReceivedNews && elapsedMs >= RECEIVED_INTERVAL_MS;
    if (!this.#isAckUrgent && !isPlayedDue && !isReceivedDue) return null;
    this.#lastAckMs = nowMs;
    this.#isAckUrgent = this.#hasPlayedNews = this.#hasReceivedNews = false;
    const generation = this.#lastReport?.generation ?? this.#generation;
    const sequence = Math.max(0, this.#nextSequence - 1);
    return { sequence, generation, position: this.#playedPosition };
  }

  /** @param {Frame} frame */
  #unplayedSamples(frame) {
    const samples = frameSamples(frame);
    const isResentToReloadedPage = this.#isReloaded && (frame.flags & FrameFlag.RESENT) !== 0;
    if (!isResentToReloadedPage) return samples;
    return samples.subarray(Math.max(0, this.#initialPosition - frame.position));
  }
}
