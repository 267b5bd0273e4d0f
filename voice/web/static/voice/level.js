// @ts-check
/** How loud a stretch of sound was, for the meters: the root mean square, 0 to 1. */

export class LevelMeter {
  #squares = 0;
  #count = 0;

  /** @param {Float32Array} samples */
  add(samples) {
    for (let i = 0; i < samples.length; i++) this.#squares += samples[i] * samples[i];
    this.#count += samples.length;
  }

  /** @returns {number} the level since the last time it was taken */
  take() {
    const level = this.#count === 0 ? 0 : Math.sqrt(this.#squares / this.#count);
    this.#squares = 0;
    this.#count = 0;
    return level;
  }
}
