// @ts-check
/**
 * Decides whether and when to reconnect after a connection has closed. Pure: time and random numbers
 * are passed in.
 *
 * - A call that is not established is tried three more times, but not if the server answered and then
 *   closed the connection.
 * - An established call is resumed: at once, then with growing delays, until it has been disconnected
 *   for two minutes.
 * - While the server answers that all lines are busy, the call waits as long as the customer does.
 * - A connection that lasts only a moment does not reset the delays, so that a server which drops
 *   everybody gets no storm of connections. Random jitter keeps its customers from reconnecting all at
 *   once.
 */

import { CloseCode } from "./close-codes.js";

const START_DELAYS_MS = [300, 1200, 2700];
const RESUME_DELAYS_MS = [0, 300, 1200, 2700, 4800, 7000];
/** A connection that has lasted this long resets the delays. */
const STABLE_AFTER_MS = 5000;
/** A delay grows by up to this share of itself. */
const JITTER = 0.2;
/** How long a disconnected call can be resumed. */
export const RESUME_TIMEOUT_MS = 120_000;

/**
 * Closes after which another connection would fail the same way (docs/wire.md).
 *
 * @type {Set<number>}
 */
const FINAL_CODES = new Set([
  CloseCode.POLICY_VIOLATION,
  CloseCode.MESSAGE_TOO_BIG,
  CloseCode.INTERNAL_ERROR,
  CloseCode.BAD_FRAME,
  CloseCode.INVALID_TICKET,
  CloseCode.UNKNOWN_CALL,
  CloseCode.TAKEN_OVER,
  CloseCode.TOO_MANY,
]);

/**
 * @typedef {object} ClosedConnection
 * @property {number} code
 * @property {boolean} wasOpen Whether the socket had opened.
 * @property {number} nowMs
 * @property {number} random 0 to 1.
 */

/**
 * @typedef {object} Retry
 * @property {number} delayMs
 * @property {boolean} isAnnounced Whether the server had announced the close, so nothing is wrong.
 */

export class RetryPolicy {
  #resumeTimeoutMs;
  #attempt = 0;
  #isEstablished;
  /** @type {number | null} */
  #disconnectedAtMs;
  /** @type {number | null} */
  #connectedAtMs = null;
  /** The delay that the server asked for before it closes. @type {number | null} */
  #announcedDelayMs = null;

  /**
   * @param {object} call
   * @param {boolean} call.isEstablished Whether a page loaded earlier has established the call.
   * @param {number} call.nowMs
   * @param {number} [call.resumeTimeoutMs]
   */
  constructor({ isEstablished, nowMs, resumeTimeoutMs = RESUME_TIMEOUT_MS }) {
    this.#isEstablished = isEstablished;
    this.#disconnectedAtMs = isEstablished ? nowMs : null;
    this.#resumeTimeoutMs = resumeTimeoutMs;
  }

  /**
   * The server has answered on this connection.
   *
   * @param {number} nowMs
   */
  onConnected(nowMs) {
    this.#isEstablished = true;
    this.#disconnectedAtMs = null;
    this.#connectedAtMs = nowMs;
  }

  /**
   * The server has announced that it is about to close the connection.
   *
   * @param {number} delayMs After which it wants the page to reconnect.
   */
  onCloseAnnounced(delayMs) {
    this.#announcedDelayMs = delayMs;
  }

  /**
   * The server has answered that the call waits for a free line, and is about to close the connection.
   * The call is given up only if the server stops answering.
   *
   * @param {number} delayMs After which it wants the page to reconnect.
   * @param {number} nowMs
   */
  onWaiting(delayMs, nowMs) {
    this.#announcedDelayMs = delayMs;
    this.#disconnectedAtMs = nowMs;
    this.#attempt = 0;
  }

  /**
   * Return when to reconnect after a close, or null to give up.
   *
   * @param {ClosedConnection} closed
   * @returns {Retry | null}
   */
  onClosed(closed) {
    this.#recordDisconnect(closed.nowMs);
    const announcedDelayMs = this.#announcedDelayMs;
    this.#announcedDelayMs = null;
    const attempt = this.#attempt++;
    const delayMs = this.#isEstablished
      ? this.#resumeDelayMs(closed, announcedDelayMs ?? resumeDelayMs(attempt))
      : startDelayMs(attempt, closed);
    return delayMs === null ? null : { delayMs, isAnnounced: announcedDelayMs !== null };
  }

  /** @param {number} nowMs */
  #recordDisconnect(nowMs) {
    const wasStable =
      this.#connectedAtMs !== null && nowMs - this.#connectedAtMs >= STABLE_AFTER_MS;
    if (wasStable) this.#attempt = 0;
    this.#connectedAtMs = null;
    this.#disconnectedAtMs ??= nowMs;
  }

  /**
   * @param {ClosedConnection} closed
   * @param {number} baseDelayMs
   */
  #resumeDelayMs({ code, nowMs, random }, baseDelayMs) {
    if (FINAL_CODES.has(code)) return null;
    const delayMs = baseDelayMs * (1 + JITTER * random);
    const disconnectedForMs = nowMs + delayMs - Number(this.#disconnectedAtMs);
    return disconnectedForMs > this.#resumeTimeoutMs ? null : delayMs;
  }
}

/** @param {number} attempt Counts from 0. */
function resumeDelayMs(attempt) {
  return RESUME_DELAYS_MS[Math.min(attempt, RESUME_DELAYS_MS.length - 1)];
}

/**
 * @param {number} attempt Counts from 0.
 * @param {ClosedConnection} closed
 */
function startDelayMs(attempt, { wasOpen }) {
  return wasOpen ? null : (START_DELAYS_MS[attempt] ?? null);
}
