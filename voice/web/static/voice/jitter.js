// @ts-check
/**
 * How much sound to hold back, so that an uneven network is not heard. Pure; time is passed in.
 *
 * Two rules. The start threshold: playing starts when `targetMs` lie in the ring; each time the ring
 * runs dry in mid-reply ("stall") the target grows, and in calm it shrinks again. The debt: a stall
 * makes everything after it late. Where a source is paced like speech, that delay would stay until
 * the reply ends and grow with each stall, so what was lost is regained from silences, and never
 * more than was lost. A source that runs ahead of real time owes nothing, and its pauses are meant.
 */

const FIRST_TARGET_MS = 60;
const LEAST_TARGET_MS = 40;
const MOST_TARGET_MS = 400;
const GROWTH = 1.5;
const DECAY = 0.9;
const CALM_MS = 20_000;
/** More than this above the target is a delay worth regaining. */
const TOLERATED_EXCESS_MS = 80;
/** A ring this full belongs to a source that runs ahead of real time. */
const AHEAD_MS = 1000;

export class JitterPolicy {
  targetMs = FIRST_TARGET_MS;
  #calmSinceMs = 0;
  #stalledAtMs = 0;
  #debtMs = 0;

  /** A reply begins: what an earlier one lost no longer matters. */
  replyStarted() {
    this.#debtMs = 0;
  }

  /** @param {number} nowMs */
  stalled(nowMs) {
    this.targetMs = Math.min(MOST_TARGET_MS, this.targetMs * GROWTH);
    this.#calmSinceMs = nowMs;
    this.#stalledAtMs = nowMs;
  }

  /**
   * @param {number} nowMs
   * @returns {number} how long the silence lasted
   */
  resumed(nowMs) {
    const lostMs = nowMs - this.#stalledAtMs;
    this.#debtMs += lostMs;
    return lostMs;
  }

  /** @param {number} nowMs playing went on without a stall */
  calm(nowMs) {
    if (nowMs - this.#calmSinceMs < CALM_MS) return;
    this.targetMs = Math.max(LEAST_TARGET_MS, this.targetMs * DECAY);
    this.#calmSinceMs = nowMs;
  }

  /**
   * Whether a silence may be cut out.
   *
   * @param {number} bufferedMs
   * @param {number} silenceMs that would go
   */
  mayTrim(bufferedMs, silenceMs) {
    if (this.#debtMs < silenceMs || bufferedMs > AHEAD_MS) return false;
    return bufferedMs - silenceMs >= this.targetMs + TOLERATED_EXCESS_MS;
  }

  /** @param {number} silenceMs */
  trimmed(silenceMs) {
    this.#debtMs -= silenceMs;
  }
}
