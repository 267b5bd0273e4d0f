// @ts-check
/**
 * Whether to try the server again after a connection has closed, and when. Pure: times and chance
 * are passed in.
 *
 * A call that has not begun is tried three times more, and not at all where the server answered and
 * hung up. A call that has begun is gone on with: at once, then ever later, until it has been lost
 * for two minutes. A connection that holds only for a moment doesn't start the delays afresh, so
 * that a server that drops everybody is not stormed; nor do all of its customers come back at once.
 */

const START_AGAIN_MS = [300, 1200, 2700];
const RESUME_MS = [0, 300, 1200, 2700, 4800, 7000];
/** A connection that has held for so long is a sound one. */
const SOUND_MS = 5000;
/** By so much of itself may a delay be longer. */
const JITTER = 0.2;
/** For so long a lost call may be gone on with. */
export const PATIENCE_MS = 120_000;

/** The call is over, or no better answer can be had by asking again (docs/wire.md, close codes). */
const FINAL = new Set([1008, 1009, 1011, 4002, 4401, 4404, 4409, 4429]);

/**
 * @typedef {object} Closed
 * @property {number} code
 * @property {boolean} opened the socket had opened, so the server answers
 * @property {number} nowMs
 * @property {number} chance from 0 to 1
 */

/**
 * @typedef {object} Retry
 * @property {number} delayMs
 * @property {boolean} isAnnounced the server had told that it would hang up: nothing is wrong
 */

export class RetryPolicy {
  #patienceMs;
  #attempt = 0;
  /** @type {number | null} */
  #lostAtMs;
  /** @type {number | null} */
  #liveSinceMs = null;
  /** @type {number | null} */
  #announcedMs = null;
  #isBegun;

  /**
   * @param {{ isBegun: boolean, nowMs: number, patienceMs?: number }} call `isBegun`: it was begun by
   *   a page that is gone
   */
  constructor({ isBegun, nowMs, patienceMs = PATIENCE_MS }) {
    this.#isBegun = isBegun;
    this.#lostAtMs = isBegun ? nowMs : null;
    this.#patienceMs = patienceMs;
  }

  /** @param {number} nowMs the server has answered: the call goes on */
  live(nowMs) {
    this.#isBegun = true;
    this.#lostAtMs = null;
    this.#liveSinceMs = nowMs;
  }

  /** @param {number} afterMs the server is going to hang up, and wants to be called again */
  announced(afterMs) {
    this.#announcedMs = afterMs;
  }

  /**
   * @param {Closed} closed
   * @returns {Retry | null} null to give up
   */
  closed(closed) {
    this.#lose(closed.nowMs);
    const announcedMs = this.#announcedMs;
    this.#announcedMs = null;
    const attempt = this.#attempt++;
    const plannedMs = this.#isBegun
      ? this.#resumeMs(closed, announcedMs ?? resumeMs(attempt))
      : startMs(attempt, closed);
    if (plannedMs === null) return null;
    return { delayMs: plannedMs, isAnnounced: announcedMs !== null };
  }

  /** @param {number} nowMs */
  #lose(nowMs) {
    if (this.#liveSinceMs !== null && nowMs - this.#liveSinceMs >= SOUND_MS) this.#attempt = 0;
    this.#liveSinceMs = null;
    this.#lostAtMs ??= nowMs;
  }

  /**
   * @param {Closed} closed
   * @param {number} plannedMs
   */
  #resumeMs({ code, nowMs, chance }, plannedMs) {
    if (FINAL.has(code)) return null;
    const delayMs = plannedMs * (1 + JITTER * chance);
    const lostForMs = nowMs + delayMs - Number(this.#lostAtMs);
    return lostForMs > this.#patienceMs ? null : delayMs;
  }
}

/** @param {number} attempt counts from 0 */
function resumeMs(attempt) {
  return RESUME_MS[Math.min(attempt, RESUME_MS.length - 1)];
}

/**
 * @param {number} attempt counts from 0
 * @param {Closed} closed
 */
function startMs(attempt, { opened }) {
  return opened ? null : (START_AGAIN_MS[attempt] ?? null);
}
