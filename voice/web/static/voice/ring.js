// @ts-check
/**
 * The speaker's memory: a ring of 16-bit samples that grows and never drops.
 *
 * The service speaks faster than real time, so many seconds may wait here. Indices are absolute
 * (they count samples since the ring was made) and only their remainder says where a sample lies;
 * the capacity is a power of two so that the remainder is a mask.
 */

const FIRST_CAPACITY = 2 ** 17;
const SCALE = 1 / 32_768;

export class Ring {
  /** Index of the next sample to read. */
  read = 0;
  /** Index after the last sample written. */
  written = 0;
  #samples;

  /** @param {number} [capacity] a power of two, in samples */
  constructor(capacity = FIRST_CAPACITY) {
    this.#samples = new Int16Array(capacity);
  }

  get available() {
    return this.written - this.read;
  }

  /** @param {Int16Array} samples */
  write(samples) {
    if (this.available + samples.length > this.#samples.length) this.#grow(samples.length);
    const capacity = this.#samples.length;
    const at = this.written % capacity;
    const first = samples.subarray(0, capacity - at);
    this.#samples.set(first, at);
    this.#samples.set(samples.subarray(first.length), 0);
    this.written += samples.length;
  }

  /**
   * Move the next `count` samples into the beginning of `output`, as floats from -1 to 1.
   *
   * @param {Float32Array} output
   * @param {number} count at most `available`
   */
  take(output, count) {
    const mask = this.#samples.length - 1;
    for (let i = 0; i < count; i++) output[i] = this.#samples[(this.read + i) & mask] * SCALE;
    this.read += count;
  }

  /** @param {number} count at most `available` */
  skip(count) {
    this.read += count;
  }

  clear() {
    this.read = this.written;
  }

  /**
   * The loudest of the next `count` samples, from 0 to 1; 0 for none.
   *
   * @param {number} count at most `available`
   */
  peak(count) {
    const mask = this.#samples.length - 1;
    let peak = 0;
    for (let i = 0; i < count; i++) {
      peak = Math.max(peak, Math.abs(this.#samples[(this.read + i) & mask]));
    }
    return peak * SCALE;
  }

  /** @param {number} extra */
  #grow(extra) {
    let capacity = this.#samples.length;
    while (capacity < this.available + extra) capacity *= 2;
    const wider = new Int16Array(capacity);
    for (let i = this.read; i < this.written; i++) {
      wider[i & (capacity - 1)] = this.#samples[i & (this.#samples.length - 1)];
    }
    this.#samples = wider;
  }
}
