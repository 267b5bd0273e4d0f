// @ts-check
/**
 * Whether to try the server again after a socket has closed, and when. Pure.
 *
 * Only a call that has not begun is tried again: nothing of it can be lost. The delays grow, so
 * that a server that is coming back is not stormed.
 */

const DELAYS_MS = [300, 1200, 2700];

/**
 * @param {{ attempt: number, begun: boolean, opened: boolean }} closed `attempt` counts from 0;
 *   `begun`: the server was ready once; `opened`: this socket had opened, so the server answers
 * @returns {number | null} milliseconds to wait, or null to give up
 */
export function retryDelayMs({ attempt, begun, opened }) {
  if (begun || opened) return null;
  return DELAYS_MS[attempt] ?? null;
}
