// @ts-check
/**
 * Changes the sample rate of a stream, without a click at any block border and without aliases.
 *
 * Theory: for a ratio up/down in lowest terms, output number k lies at input position k·down/up.
 * Its value is a windowed sinc, centred there, over `taps` input samples; only `up` different
 * fractional positions ("phases") exist, so the sinc is tabled once for each. When the rate goes
 * down the sinc is widened by the same ratio, which is the anti-alias filter.
 *
 * Reading is by pull, so that a speaker takes exactly what it plays: `needed(n)` says how many more
 * input samples `n` outputs take. An output needs `lookahead` samples to its right; at the end of a
 * stream write that many zeros to get the last ones out. The stream starts with the left half of
 * the window filled with zeros, so output 0 lies exactly on input 0: no delay, no shift.
 */

const ZERO_CROSSINGS = 20;
/** Share of the narrower band that passes; the filter falls off between here and Nyquist. */
const PASSBAND = 0.93;
/** Shape of the Kaiser window: about 80 dB of stop band. */
const KAISER_BETA = 8;
const FIRST_CAPACITY = 4096;

export class Resampler {
  /** Input samples to the right of an output that it needs. */
  lookahead;
  /** Index of the input sample at or before which the next output lies. */
  position = 0;
  #up;
  #down;
  #taps;
  #kernel;
  #buffer = new Float32Array(FIRST_CAPACITY);
  /** Samples in the buffer, and where the next output's window begins. */
  #filled = 0;
  #start = 0;
  #phase = 0;

  /**
   * @param {number} fromHz
   * @param {number} toHz both whole numbers
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

  /** Forget the stream; the next sample written is number 0 again. */
  reset() {
    this.#filled = this.lookahead - 1;
    this.#buffer.fill(0, 0, this.#filled);
    this.#start = 0;
    this.#phase = 0;
    this.position = 0;
  }

  /**
   * @param {number} count of outputs
   * @returns {number} input samples to write before `count` outputs can be read
   */
  needed(count) {
    if (count === 0) return 0;
    const last = Math.floor((this.#phase + (count - 1) * this.#down) / this.#up);
    return Math.max(0, this.#start + last + this.#taps - this.#filled);
  }

  /**
   * @param {Float32Array} input
   * @param {number} [count] of its first samples
   */
  write(input, count = input.length) {
    this.#makeRoom(count);
    for (let i = 0; i < count; i++) this.#buffer[this.#filled + i] = input[i];
    this.#filled += count;
  }

  /**
   * Fill `output` from `offset` on, as far as the input reaches.
   *
   * @param {Float32Array} output
   * @param {number} [offset]
   * @returns {number} the offset after the last sample written
   */
  read(output, offset = 0) {
    const from = this.#start;
    while (offset < output.length && this.#start + this.#taps <= this.#filled) {
      output[offset++] = this.#interpolate();
      this.#phase += this.#down;
      this.#start += Math.floor(this.#phase / this.#up);
      this.#phase %= this.#up;
    }
    this.position += this.#start - from;
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

  /** @param {number} count */
  #makeRoom(count) {
    if (this.#filled + count <= this.#buffer.length) return;
    const kept = this.#filled - this.#start;
    const room = kept + count <= this.#buffer.length ? this.#buffer : grown(kept + count);
    room.set(this.#buffer.subarray(this.#start, this.#filled));
    this.#buffer = room;
    this.#filled = kept;
    this.#start = 0;
  }
}

/** @param {number} length */
function grown(length) {
  return new Float32Array(2 * length);
}

/**
 * One row of `2 · half` weights for each phase, each row summing to 1 so that no phase is louder.
 *
 * @param {number} phases
 * @param {number} half
 * @param {number} cutoff share of the input's Nyquist frequency
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

/** @param {number} x from -1 to 1 */
function kaiser(x) {
  return Math.abs(x) >= 1 ? 0 : bessel0(KAISER_BETA * Math.sqrt(1 - x * x)) / bessel0(KAISER_BETA);
}

/**
 * The modified Bessel function I0, by its power series.
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
