// @ts-check
/**
 * Serial number arithmetic (RFC 1982) for the counters of the wire, which wrap around: two counters
 * are compared by their distance, never by size.
 */

/** Generations are 16-bit counters. */
export const GENERATION_MODULUS = 2 ** 16;
/** Sequence numbers are 32-bit counters. */
export const SEQUENCE_MODULUS = 2 ** 32;

/**
 * Return how far `to` lies ahead of `from`; negative if it lies behind.
 *
 * @param {number} from
 * @param {number} to
 * @param {number} modulus Number of values the counter has.
 * @returns {number} -modulus/2 to modulus/2 - 1.
 */
export function serialDistance(from, to, modulus) {
  const ahead = (((to - from) % modulus) + modulus) % modulus;
  return ahead < modulus / 2 ? ahead : ahead - modulus;
}
