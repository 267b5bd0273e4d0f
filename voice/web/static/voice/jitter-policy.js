// @ts-check
/**
 * Decides how much audio to buffer against network jitter. Pure: time is passed in.
 *
 * - **Target.** A reply starts to play once `targetMs` of it are buffered. Each stall (the buffer runs
 *   empty in mid-reply) raises the target; playback without stalls lowers it again.
 * - **Debt.** A stall delays the rest of the reply. From a source that sends at the pace of speech, the
 *   delay would last until the reply ends and grow with each stall. So the lost time is regained by
 *   trimming silences, and never more than was lost. A source that runs ahead of real time has no
 *   debt: its pauses are intended.
 */

const INITIAL_TARGET_MS = 60;
const MIN_TARGET_MS = 40;
const MAX_TARGET_MS = 400;
const GROWTH = 1.5;
const DECAY = 0.9;
/** The target decays after each such time without a stall. */
const DECAY_AFTER_MS = 20_000;
/** A delay is trimmed only while more than this is buffered above the target. */
const TOLERATED_EXCESS_MS = 80;
/** A source with more than this in the buffer runs ahead of real time. */
const AHEAD_MS = 1000;

export class JitterPolicy {
  targetMs = INITIAL_TARGET_MS;
  #stableSinceMs = 0;
  #stalledAtMs = 0;
  #debtMs = 0;

  /** A reply starts: time lost in an earlier one no longer matters. */
  onReplyStart() {
    this.#debtMs = 0;
  }

  /** @param {number} nowMs */
  onStall(nowMs) {
    this.targetMs = Math.min(MAX_TARGET_MS, this.targetMs * GROWTH);
    this.#stableSinceMs = nowMs;
    this.#stalledAtMs = nowMs;
  }

  /**
   * Playback continues after a stall.
   *
   * @param {number} nowMs
   * @returns {number} How long the stall lasted, in milliseconds.
   */
  onStallEnd(nowMs) {
    const lostMs = nowMs - this.#stalledAtMs;
    this.#debtMs += lostMs;
    return lostMs;
  }

  /** @param {number} nowMs A whole quantum was played. */
  onPlayed(nowMs) {
    if (nowMs - this.#stableSinceMs < DECAY_AFTER_MS) return;
    this.targetMs = Math.max(MIN_TARGET_MS, this.targetMs * DECAY);
    this.#stableSinceMs = nowMs;
  }

  /**
   * Return whether a silence of `silenceMs` may be trimmed.
   *
   * @param {number} bufferedMs
   * @param {number} silenceMs
   */
  canTrim(bufferedMs, silenceMs) {
    if (this.#debtMs < silenceMs || bufferedMs > AHEAD_MS) return false;
    return bufferedMs - silenceMs >= this.targetMs + TOLERATED_EXCESS_MS;
  }

  /** @param {number} silenceMs */
  onTrim(silenceMs) {
    this.#debtMs -= silenceMs;
  }
}
