// @ts-check
/** Measures how loud a stretch of audio is, for the meters on the page. */

export class LevelMeter {
  #squares = 0;
  #count = 0;

  /** @param {Float32Array} samples */
  add(samples) {
    for (let i = 0; i < samples.length; i++) this.#squares += samples[i] * samples[i];
    this.#count += samples.length;
  }

  /**
   * Return the level since the last call, and start anew.
   *
   * @returns {number} Root mean square, 0 to 1.
   */
  readAndReset() {
    const level = this.#count === 0 ? 0 : Math.sqrt(this.#squares / this.#count);
    this.#squares = 0;
    this.#count = 0;
    return level;
  }
}
