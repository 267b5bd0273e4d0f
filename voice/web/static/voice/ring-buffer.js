// @ts-check
/**
 * A ring buffer of 16-bit samples that grows and never drops any.
 *
 * Nova Sonic sends speech faster than real time, so many seconds may wait here. Indices are absolute:
 * they count samples since the buffer was made. The capacity is a power of two, so that a bit mask
 * turns an index into a place in the array.
 */

const INITIAL_CAPACITY = 2 ** 17;
const SCALE = 1 / 32_768;

export class RingBuffer {
  /** Index of the next sample to read. */
  readIndex = 0;
  /** Index after the last sample written. */
  writeIndex = 0;
  #samples;

  /** @param {number} [capacity] In samples, a power of two. */
  constructor(capacity = INITIAL_CAPACITY) {
    this.#samples = new Int16Array(capacity);
  }

  /** Number of samples that wait to be read. */
  get available() {
    return this.writeIndex - this.readIndex;
  }

  /** @param {Int16Array} samples */
  write(samples) {
    if (this.available + samples.length > this.#samples.length) this.#grow(samples.length);
    const capacity = this.#samples.length;
    const start = this.writeIndex % capacity;
    const untilEnd = samples.subarray(0, capacity - start);
    this.#samples.set(untilEnd, start);
    this.#samples.set(samples.subarray(untilEnd.length), 0);
    this.writeIndex += samples.length;
  }

  /**
   * Move the next `count` samples to the start of `output`, as floats from -1 to 1.
   *
   * @param {Float32Array} output
   * @param {number} count At most `available`.
   */
  read(output, count) {
    const mask = this.#samples.length - 1;
    for (let i = 0; i < count; i++) output[i] = this.#samples[(this.readIndex + i) & mask] * SCALE;
    this.readIndex += count;
  }

  /** @param {number} count At most `available`. */
  skip(count) {
    this.readIndex += count;
  }

  /** Drop all waiting samples; the indices keep counting. */
  clear() {
    this.readIndex = this.writeIndex;
  }

  /**
   * Return the largest magnitude among the next `count` samples without reading them.
   *
   * @param {number} count At most `available`.
   * @returns {number} 0 to 1; 0 for no samples.
   */
  peak(count) {
    const mask = this.#samples.length - 1;
    let peak = 0;
    for (let i = 0; i < count; i++) {
      peak = Math.max(peak, Math.abs(this.#samples[(this.readIndex + i) & mask]));
    }
    return peak * SCALE;
  }

  /** @param {number} extra Samples to make space for. */
  #grow(extra) {
    let capacity = this.#samples.length;
    while (capacity < this.available + extra) capacity *= 2;
    const larger = new Int16Array(capacity);
    for (let i = this.readIndex; i < this.writeIndex; i++) {
      larger[i & (capacity - 1)] = this.#samples[i & (this.#samples.length - 1)];
    }
    this.#samples = larger;
  }
}
