// @ts-check
/** Judges the connection during a call from round trips and gaps in the sound. Pure. */

const WINDOW_MS = 10_000;
const GOOD_ROUND_TRIP_MS = 250;
const FAIR_ROUND_TRIP_MS = 600;

/** @typedef {"unknown" | "good" | "fair" | "poor" | "lost"} Quality */

export class ConnectionQuality {
  /** @type {number | null} */
  #roundTripMs = null;
  #stalls = 0;
  #lastStallAtMs = -Infinity;
  #isReconnecting = false;

  get roundTripMs() {
    return this.#roundTripMs;
  }

  /** @param {number} ms */
  onRoundTrip(ms) {
    this.#roundTripMs = ms;
  }

  /**
   * @param {number} stalls Gaps in the sound since the call started.
   * @param {number} nowMs
   */
  onStalls(stalls, nowMs) {
    if (stalls > this.#stalls) this.#lastStallAtMs = nowMs;
    this.#stalls = stalls;
  }

  /** @param {boolean} isReconnecting */
  onConnection(isReconnecting) {
    this.#isReconnecting = isReconnecting;
  }

  reset() {
    this.#roundTripMs = null;
    this.#stalls = 0;
    this.#lastStallAtMs = -Infinity;
    this.#isReconnecting = false;
  }

  /**
   * @param {number} nowMs
   * @returns {Quality}
   */
  at(nowMs) {
    if (this.#isReconnecting) return "lost";
    if (this.#roundTripMs === null) return "unknown";
    const hasStalled = nowMs - this.#lastStallAtMs < WINDOW_MS;
    if (this.#roundTripMs > FAIR_ROUND_TRIP_MS) return "poor";
    if (hasStalled || this.#roundTripMs > GOOD_ROUND_TRIP_MS) return "fair";
    return "good";
  }
}
