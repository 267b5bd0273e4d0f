// @ts-check
/**
 * What the page has received and heard: which frames are new, and what is to be acknowledged. Pure.
 *
 * Theory. The server numbers its frames over the whole call, so after a lost connection the two
 * agree by one number on what is missing, and what comes twice is passed over. A page that was
 * loaded again remembers no number: it takes whatever comes first, and on that connection also what
 * is marked as sent again, in whatever order. Of sound sent again it leaves out what it had heard
 * before it was loaded.
 *
 * An acknowledgement says two things. What was received is said within a second; what was heard is
 * said every 250 ms, and at once at the end of a reply and after a flush.
 */

import { GENERATIONS, SEQUENCES, distance } from "./serial.js";
import { FrameFlag, HEADER_BYTES, samplesOf } from "./wire.js";

const HEARD_EVERY_MS = 250;
const RECEIVED_EVERY_MS = 1000;

/** @typedef {import("./player.js").Chunk} Chunk */
/** @typedef {import("./player.js").PlayerReport} PlayerReport */
/** @typedef {import("./wire.js").Frame} Frame */
/** @typedef {{ sequence: number, generation: number, position: number }} Progress */

export class Downlink {
  /** The first sequence that has not come. */
  #next = 0;
  /** Whether any sequence may come next. */
  #isOpen = false;
  #isNewcomer = false;
  #generation = 0;
  /** Downlink index heard before this page was loaded. */
  #heardBefore;
  /** Downlink index after the newest sound, null where a flush has dropped it. */
  #end = /** @type {number | null} */ (null);
  /** What the speaker reported last. @type {PlayerReport | null} */
  #report = null;
  #lastAckMs = -RECEIVED_EVERY_MS;
  #isUrgent = false;
  #isHeardNews = false;
  #isReceivedNews = false;

  /** Frames the server left out. */
  missedFrames = 0;

  /** @param {{ heardBefore?: number }} [memory] downlink index heard before this page was loaded */
  constructor({ heardBefore = 0 } = {}) {
    this.#heardBefore = heardBefore;
  }

  /** What a RESUME says of this side: `sequence` is the first one missing. @returns {Progress} */
  get progress() {
    return { sequence: this.#next, generation: this.#generation, position: this.#heard };
  }

  get #heard() {
    return this.#report?.position ?? this.#heardBefore;
  }

  /** Whether something that has come is still to be heard. */
  get isSounding() {
    if (this.#end === null) return false;
    return this.#report?.state !== "idle" || this.#report.position < this.#end;
  }

  /**
   * @param {Frame} frame
   * @returns {boolean} false for one that has come before
   */
  receive({ sequence, flags }) {
    const ahead = this.#isOpen ? 0 : distance(this.#next, sequence, SEQUENCES);
    this.#isReceivedNews = true;
    if (ahead < 0) return this.#isNewcomer && (flags & FrameFlag.RESENT) !== 0;
    this.#isOpen = false;
    this.missedFrames += ahead;
    this.#next = (sequence + 1) % SEQUENCES;
    return true;
  }

  /**
   * @param {Frame} frame a received one
   * @returns {Chunk}
   */
  chunkOf(frame) {
    this.#generation = frame.generation;
    const samples = this.#unheard(frame);
    this.#end = frame.position + (frame.buffer.byteLength - HEADER_BYTES) / 2;
    const position = this.#end - samples.length;
    const first = (frame.flags & FrameFlag.FIRST) !== 0 && position === frame.position;
    const last = (frame.flags & FrameFlag.LAST) !== 0;
    return { samples, generation: frame.generation, position, first, last };
  }

  /** @param {number} generation everything older is dropped */
  flushed(generation) {
    this.#generation = generation;
    this.#end = null;
  }

  /**
   * The call goes on over another connection.
   *
   * @param {{ generation: number, isNewcomer: boolean, isRestored: boolean }} answer of the server
   * @returns {boolean} whether the customer was interrupting when the connection was lost, so that
   *   what is older than `generation` must not be heard any more
   */
  resume({ generation, isNewcomer, isRestored }) {
    const isNewer = distance(this.#generation, generation, GENERATIONS) > 0;
    this.#isOpen = isNewcomer || isRestored;
    this.#isNewcomer = isNewcomer;
    this.#generation = generation;
    const isFlushed = isNewer && !this.#isOpen;
    if (isFlushed) this.#end = null;
    return isFlushed;
  }

  /** @param {PlayerReport} report */
  played(report) {
    const ended = report.state === "idle" && this.#report?.state !== "idle";
    const flushed = report.generation !== (this.#report?.generation ?? 0);
    this.#report = report;
    this.#isHeardNews = true;
    this.#isUrgent ||= ended || flushed;
  }

  /**
   * @param {number} nowMs
   * @returns {Progress | null} what to acknowledge now, `sequence` being the last received
   */
  takeAck(nowMs) {
    const waitedMs = nowMs - this.#lastAckMs;
    const isHeardDue = this.#isHeardNews && waitedMs >= HEARD_EVERY_MS;
    const isReceivedDue = this.#isReceivedNews && waitedMs >= RECEIVED_EVERY_MS;
    if (!this.#isUrgent && !isHeardDue && !isReceivedDue) return null;
    this.#lastAckMs = nowMs;
    this.#isUrgent = this.#isHeardNews = this.#isReceivedNews = false;
    const generation = this.#report?.generation ?? this.#generation;
    return { sequence: Math.max(0, this.#next - 1), generation, position: this.#heard };
  }

  /**
   * The part of a frame that this page's predecessor had not played.
   *
   * @param {Frame} frame
   */
  #unheard(frame) {
    const samples = samplesOf(frame);
    if (!this.#isNewcomer || (frame.flags & FrameFlag.RESENT) === 0) return samples;
    return samples.subarray(Math.max(0, this.#heardBefore - frame.position));
  }
}
