// @ts-check
/**
 * Encodes the microphone's audio as the wire carries it: any sample rate and quantum in, 16 kHz 16-bit
 * blocks of 512 samples out. Contains
 * all of the capture worklet's logic, so that Node can test it.
 */

import { LevelMeter } from "./level-meter.js";
import { Resampler } from "./resampler.js";

/** 32 ms at 16 kHz: the block size of AWS's own Nova Sonic samples. */
export const BLOCK_SAMPLES = 512;
const FULL_SCALE = 32_767;

/**
 * @typedef {object} PcmBlock
 * @property {Int16Array} samples In a buffer of its own, so that it can be transferred.
 * @property {number} level Root mean square, 0 to 1.
 */

export class PcmEncoder {
  #resampler;
  #level = new LevelMeter();
  #block = new Float32Array(BLOCK_SAMPLES);
  #filled = 0;

  /** @param {{ contextRateHz: number, wireRateHz: number }} rates */
  constructor({ contextRateHz, wireRateHz }) {
    this.#resampler = new Resampler(contextRateHz, wireRateHz);
  }

  /**
   * Encode one quantum and return the blocks it completes, mostly none.
   *
   * @param {Float32Array} quantum
   * @returns {PcmBlock[]}
   */
  encode(quantum) {
    this.#resampler.write(quantum);
    const blocks = [];
    while ((this.#filled = this.#resampler.read(this.#block, this.#filled)) === BLOCK_SAMPLES) {
      this.#level.add(this.#block);
      blocks.push({ samples: toPcm16(this.#block), level: this.#level.readAndReset() });
      this.#filled = 0;
    }
    return blocks;
  }
}

/**
 * Convert floats from -1 to 1 to 16-bit samples; louder values are clipped, not wrapped.
 *
 * @param {Float32Array} floats
 * @returns {Int16Array}
 */
export function toPcm16(floats) {
  return Int16Array.from(floats, (x) => Math.round(Math.max(-1, Math.min(1, x)) * FULL_SCALE));
}
