// @ts-check
/**
 * Polyphase resampler of an audio stream: no clicks at block borders, no aliases.
 *
 * For a ratio up/down in lowest terms, output k lies at input position k·down/up. Its value is a
 * windowed sinc, centred there, over `taps` input samples. Only `up` different fractional positions
 * ("phases") exist, so the weights of each are computed once. When the rate goes down, the sinc is
 * widened by the same ratio, which makes it the anti-alias filter.
 *
 * The reader pulls, so that a player consumes exactly what it plays: `needed(n)` returns how many more
 * input samples `n` outputs take. An output needs `lookahead` input samples to its right: at the end
 * of a stream, write that many zeros to get the last outputs. A stream starts with zeros in the left
 * half of the window, so output 0 lies exactly on input 0, without delay.
 */

const ZERO_CROSSINGS = 20;
/** Share of the narrower band that passes; the filter falls off between here and Nyquist. */
const PASSBAND = 0.93;
/** Shape of the Kaiser window: about 80 dB of stop band. */
const KAISER_BETA = 8;
const INITIAL_CAPACITY = 4096;

export class Resampler {
  /** Number of input samples that an output needs to its right. */
  lookahead;
  /** Index of the input sample at, or just before, the next output. */
  position = 0;
  #up;
  #down;
  #taps;
  #kernel;
  #buffer = new Float32Array(INITIAL_CAPACITY);
  /** Number of samples in the buffer. */
  #filled = 0;
  /** Where in the buffer the next output's window starts. */
  #start = 0;
  #phase = 0;

  /**
   * @param {number} fromHz A whole number, as `toHz`.
   * @param {number} toHz
   */
  constructor(fromHz, toHz) {
    const common = greatestCommonDivisor(fromHz, toHz);
    this.#up = toHz / common;
    this.#down = fromHz / common;
    const narrowing = Math.min(1, toHz / fromHz);
    this.lookahead = Math.ceil(ZERO_CROSSINGS / narrowing);
    this.#taps = 2 * this.lookahead;
    const cutoff = fromHz === toHz ? 1 : PASSBAND * narrowing;
    this.#kernel = kernelTable(this.#up, this.lookahead, cutoff);
    this.reset();
  }

  /** Start another stream: the next sample written has index 0 again. */
  reset() {
    this.#filled = this.lookahead - 1;
    this.#buffer.fill(0, 0, this.#filled);
    this.#start = 0;
    this.#phase = 0;
    this.position = 0;
  }

  /**
   * Return how many input samples to write before `count` outputs can be read.
   *
   * @param {number} count
   * @returns {number}
   */
  needed(count) {
    if (count === 0) return 0;
    const last = Math.floor((this.#phase + (count - 1) * this.#down) / this.#up);
    return Math.max(0, this.#start + last + this.#taps - this.#filled);
  }

  /**
   * @param {Float32Array} input
   * @param {number} [count] How many of its samples to write; all of them by default.
   */
  write(input, count = input.length) {
    this.#reserve(count);
    for (let i = 0; i < count; i++) this.#buffer[this.#filled + i] = input[i];
    this.#filled += count;
  }

  /**
   * Fill `output` from `offset` on, as far as the input allows.
   *
   * @param {Float32Array} output
   * @param {number} [offset]
   * @returns {number} Offset after the last sample written.
   */
  read(output, offset = 0) {
    const startBefore = this.#start;
    while (offset < output.length && this.#start + this.#taps <= this.#filled) {
      output[offset++] = this.#interpolate();
      this.#phase += this.#down;
      this.#start += Math.floor(this.#phase / this.#up);
      this.#phase %= this.#up;
    }
    this.position += this.#start - startBefore;
    return offset;
  }

  #interpolate() {
    const buffer = this.#buffer;
    const kernel = this.#kernel;
    const start = this.#start;
    const taps = this.#taps;
    const row = this.#phase * taps;
    let sum = 0;
    for (let k = 0; k < taps; k++) sum += buffer[start + k] * kernel[row + k];
    return sum;
  }

  /**
   * Make space for `count` more samples: move the unread ones to the start of the buffer, or of a
   * larger one.
   *
   * @param {number} count
   */
  #reserve(count) {
    if (this.#filled + count <= this.#buffer.length) return;
    const unread = this.#buffer.subarray(this.#start, this.#filled);
    const needed = unread.length + count;
    const isLargeEnough = needed <= this.#buffer.length;
    const buffer = isLargeEnough ? this.#buffer : new Float32Array(2 * needed);
    buffer.set(unread);
    this.#buffer = buffer;
    this.#filled = unread.length;
    this.#start = 0;
  }
}

/**
 * Return one row of `2 · half` weights for each phase. Each row sums to 1, so that no phase is louder.
 *
 * @param {number} phases
 * @param {number} half
 * @param {number} cutoff Share of the input's Nyquist frequency.
 */
function kernelTable(phases, half, cutoff) {
  const table = new Float32Array(phases * 2 * half);
  for (let phase = 0; phase < phases; phase++) {
    const row = kernelRow(phase / phases, half, cutoff);
    const total = row.reduce((sum, weight) => sum + weight, 0);
    row.forEach((weight, k) => (table[phase * 2 * half + k] = weight / total));
  }
  return table;
}

/**
 * @param {number} fraction
 * @param {number} half
 * @param {number} cutoff
 */
function kernelRow(fraction, half, cutoff) {
  return Array.from({ length: 2 * half }, (_, k) => {
    const x = k - half + 1 - fraction;
    return sinc(cutoff * x) * kaiser(x / half);
  });
}

/** @param {number} x */
function sinc(x) {
  return Math.abs(x) < 1e-9 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** @param {number} x -1 to 1. */
function kaiser(x) {
  return Math.abs(x) >= 1 ? 0 : bessel0(KAISER_BETA * Math.sqrt(1 - x * x)) / bessel0(KAISER_BETA);
}

/**
 * Return the modified Bessel function I0 of `x`, by its power series.
 *
 * @param {number} x
 */
function bessel0(x) {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > 1e-12 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

/**
 * @param {number} a
 * @param {number} b
 * @returns {number}
 */
function greatestCommonDivisor(a, b) {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
