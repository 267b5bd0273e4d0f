// @ts-check
/** Counters that wrap around: which of two is the older is decided by the nearer way round. */

export const GENERATIONS = 2 ** 16;
export const SEQUENCES = 2 ** 32;

/**
 * How far `b` lies ahead of `a`, negative where it lies behind.
 *
 * @param {number} a
 * @param {number} b
 * @param {number} size of the circle
 * @returns {number} from -size/2 to size/2 - 1
 */
export function distance(a, b, size) {
  const ahead = (((b - a) % size) + size) % size;
  return ahead < size / 2 ? ahead : ahead - size;
}
