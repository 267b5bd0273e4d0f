// @ts-check
/**
 * Turns the microphone's sound into the blocks the wire carries; everything of the capture worklet
 * but the worklet itself. Any rate and any quantum in, 16 kHz 16-bit blocks of 512 samples out.
 */

import { LevelMeter } from "./level.js";
import { Resampler } from "./resampler.js";

/** 32 ms at 16 kHz: the block size the service's own examples send. */
export const BLOCK_SAMPLES = 512;
const FULL_SCALE = 32_767;

/**
 * @typedef {object} Block
 * @property {Int16Array} samples a buffer of its own, so that it can be handed over
 * @property {number} level root mean square, 0 to 1
 */

export class Recorder {
  #resampler;
  #level = new LevelMeter();
  #floats = new Float32Array(BLOCK_SAMPLES);
  #filled = 0;

  /** @param {{ contextRateHz: number, wireRateHz: number }} rates */
  constructor({ contextRateHz, wireRateHz }) {
    this.#resampler = new Resampler(contextRateHz, wireRateHz);
  }

  /**
   * @param {Float32Array} quantum
   * @returns {Block[]} the blocks it completed, mostly none
   */
  push(quantum) {
    this.#resampler.write(quantum);
    const blocks = [];
    while ((this.#filled = this.#resampler.read(this.#floats, this.#filled)) === BLOCK_SAMPLES) {
      blocks.push(this.#block());
      this.#filled = 0;
    }
    return blocks;
  }

  /** Forget what is half done: another microphone begins. */
  reset() {
    this.#resampler.reset();
    this.#filled = 0;
  }

  /** @returns {Block} */
  #block() {
    this.#level.add(this.#floats);
    return { samples: pcm16(this.#floats), level: this.#level.take() };
  }
}

/**
 * @param {Float32Array} floats from -1 to 1; what is louder is clipped, not wrapped
 * @returns {Int16Array}
 */
export function pcm16(floats) {
  return Int16Array.from(floats, (x) => Math.round(Math.max(-1, Math.min(1, x)) * FULL_SCALE));
}
