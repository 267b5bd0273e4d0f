// @ts-check
/**
 * Turns the chunks of the assistant's voice into an unbroken sound; everything of the speaker
 * worklet but the worklet itself. Pure: chunks and the clock come in, samples and reports go out.
 *
 * Theory. Chunks (24 kHz) wait in a ring. `render` is called for each quantum of the sound card and
 * pulls through the resampler exactly what that quantum takes, so that at any moment it is known to
 * the sample how far the customer has heard. A reply passes through these states:
 *
 *     idle ──chunk──► filling ──target reached──► playing ──LAST reached──► idle
 *                        ▲                          │ ▲
 *                        └──── stalled ◄──ring dry──┘ │   (stalled ──target reached──► playing)
 *
 * A reply whose LAST has arrived does not wait for the target: nothing more is coming. LAST marks
 * are ring indices, so a following reply may already lie behind one. Every cut in the sound (stall,
 * flush, hush) decays from the last value over 5 ms, and a stalled sound fades in again, so that
 * nothing clicks.
 *
 * `flush` is the server's barge-in: everything older than a generation goes. `hush` is the
 * customer's own Esc: the rest of this one reply is dropped as it arrives, and counts as heard, for
 * the server keeps back what it thinks is not yet played.
 */

import { JitterPolicy } from "./jitter.js";
import { Resampler } from "./resampler.js";
import { Ring } from "./ring.js";
import { GENERATIONS, distance } from "./serial.js";
import { Timeline } from "./timeline.js";
import { LevelMeter } from "./level.js";

const FADE_MS = 5;
const SILENCE_MS = 10;
/** Below this peak (-50 dB) a stretch is silence. */
const SILENCE_PEAK = 0.003;
const REPORT_MS = 50;

/** @typedef {"idle" | "filling" | "playing" | "stalled"} PlayerState */

/**
 * @typedef {object} Chunk
 * @property {Int16Array} samples
 * @property {number} generation
 * @property {number} position of the first sample in the downlink
 * @property {boolean} first of its reply
 * @property {boolean} last of its reply
 */

/**
 * @typedef {object} Takeover the call goes on from elsewhere than before
 * @property {number} generation of what is to come
 * @property {number | null} position downlink index heard so far, where this player heard nothing of it
 */

/**
 * @typedef {object} PlayerReport
 * @property {PlayerState} state
 * @property {{ position: number, atMs: number } | null} begun the reply whose first sample was played
 *   since the last report, and when by the audio clock
 * @property {boolean} done nothing more is coming, and all of it was played
 * @property {number} generation the newest one received
 * @property {number} position downlink index up to which the customer has heard
 * @property {number} bufferedMs
 * @property {number} targetMs
 * @property {number} stalls
 * @property {number} stalledMs
 * @property {number} trimmedMs
 * @property {number} level root mean square since the last report, 0 to 1
 */

export class Player {
  #sourceRateHz;
  #ring = new Ring();
  #timeline = new Timeline();
  #jitter = new JitterPolicy();
  #level = new LevelMeter();
  #resampler;
  #zeros;
  #pulled = new Float32Array(1024);
  #fadeSamples;
  #silenceSamples;
  #reportSamples;

  /** @type {PlayerState} */
  #state = "idle";
  #generation = 0;
  /** Downlink position up to which the customer has heard. */
  #heard = 0;
  #hushed = false;
  /** Ring indices at which replies end, oldest first. @type {number[]} */
  #ends = [];
  /** Ring indices at which replies begin that have not been heard, oldest first. @type {number[]} */
  #starts = [];
  /** @type {{ position: number, atMs: number } | null} */
  #begun = null;
  #isLast = false;
  /** Ring index of the resampler's sample 0, moved on by what was trimmed. */
  #origin = 0;
  #tailWritten = false;
  #lastValue = 0;
  #decayLeft = 0;
  #riseLeft = 0;
  #stalls = 0;
  #stalledMs = 0;
  #trimmedMs = 0;
  #sinceReport = 0;
  #changed = false;

  /** @param {{ sourceRateHz: number, contextRateHz: number }} rates */
  constructor({ sourceRateHz, contextRateHz }) {
    this.#sourceRateHz = sourceRateHz;
    this.#resampler = new Resampler(sourceRateHz, contextRateHz);
    this.#zeros = new Float32Array(this.#resampler.lookahead);
    this.#fadeSamples = Math.round((contextRateHz * FADE_MS) / 1000);
    this.#silenceSamples = Math.round((sourceRateHz * SILENCE_MS) / 1000);
    this.#reportSamples = Math.round((contextRateHz * REPORT_MS) / 1000);
  }

  // What the server and the customer do

  /** @param {Chunk} chunk */
  receive(chunk) {
    if (isBefore(chunk.generation, this.#generation)) return;
    if (chunk.first || chunk.generation !== this.#generation) this.#hushed = false;
    this.#generation = chunk.generation;
    if (this.#hushed) this.#passOver(chunk);
    else this.#store(chunk);
  }

  /**
   * Drop all audio older than `generation`; what was heard so far stays the position.
   *
   * @param {number} generation
   */
  flush(generation) {
    if (isBefore(generation, this.#generation)) return;
    this.#generation = generation;
    this.#hushed = false;
    this.#silence();
  }

  /** Drop the rest of this reply, also what is still to come of it. */
  hush() {
    if (this.#state === "idle") return;
    this.#hushed = this.#ends.at(-1) !== this.#ring.written;
    this.#heard = this.#timeline.at(this.#ring.written);
    this.#silence();
  }

  /**
   * What comes from now on is another server's, or another page's: what has come is played to its
   * end, though nothing more of it will come.
   *
   * @param {Takeover} takeover
   */
  takeOver({ generation, position }) {
    this.#endReply();
    this.#generation = generation;
    if (position !== null) this.#heard = position;
    this.#changed = true;
  }

  /** The call is over: what has come is played to its end, and that is told. */
  finish() {
    this.#endReply();
    this.#isLast = true;
    this.#changed = true;
  }

  // What the sound card asks

  /**
   * Fill one quantum.
   *
   * @param {Float32Array} output
   * @param {number} nowMs
   */
  render(output, nowMs) {
    this.#settle(nowMs);
    const filled = this.#state === "playing" ? this.#play(output, nowMs) : 0;
    this.#decay(output, filled);
    this.#level.add(output);
    this.#sinceReport += output.length;
  }

  /** @returns {PlayerReport | null} when the state has changed, and every 50 ms while not idle */
  report() {
    const due = this.#state !== "idle" && this.#sinceReport >= this.#reportSamples;
    if (!this.#changed && !due) return null;
    this.#changed = false;
    this.#sinceReport = 0;
    return {
      state: this.#state,
      begun: this.#takeBegun(),
      done: this.#isLast && this.#state === "idle",
      generation: this.#generation,
      position: this.#heard,
      bufferedMs: this.#bufferedMs(),
      targetMs: this.#jitter.targetMs,
      stalls: this.#stalls,
      stalledMs: this.#stalledMs,
      trimmedMs: this.#trimmedMs,
      level: this.#level.take(),
    };
  }

  // Receiving

  /** @param {Chunk} chunk */
  #store({ samples, position, first, last }) {
    if (this.#state === "idle") this.#begin(position);
    this.#timeline.mark(this.#ring.written, position);
    if (first && samples.length > 0) this.#starts.push(this.#ring.written);
    this.#ring.write(samples);
    if (last) this.#ends.push(this.#ring.written);
  }

  /** @param {number} position */
  #begin(position) {
    this.#jitter.replyStarted();
    this.#heard = position;
    this.#enter("filling");
  }

  /** @param {Chunk} chunk */
  #passOver({ samples, position, last }) {
    this.#heard = position + samples.length;
    this.#hushed = !last;
    this.#changed = true;
  }

  /** Expect no more of the reply that is coming in. */
  #endReply() {
    this.#hushed = false;
    if (this.#state === "idle" || this.#ends.at(-1) === this.#ring.written) return;
    this.#ends.push(this.#ring.written);
  }

  #silence() {
    if (this.#state === "playing") this.#decayLeft = this.#fadeSamples;
    this.#ring.clear();
    this.#ends = [];
    this.#starts = [];
    this.#restartResampler();
    this.#enter("idle");
  }

  // Playing

  /**
   * Start, resume or finish where what lies in the ring allows it.
   *
   * @param {number} nowMs
   */
  #settle(nowMs) {
    if (this.#state !== "filling" && this.#state !== "stalled") return;
    const complete = this.#ends.length > 0;
    if (!complete && this.#bufferedMs() < this.#jitter.targetMs) return;
    if (this.#state === "stalled") {
      this.#stalledMs += this.#jitter.resumed(nowMs);
      this.#riseLeft = this.#fadeSamples;
    }
    this.#enter("playing");
  }

  /**
   * @param {Float32Array} output
   * @param {number} nowMs
   * @returns {number} samples filled
   */
  #play(output, nowMs) {
    this.#regainLatency();
    const filled = this.#pull(output);
    this.#heard = this.#timeline.at(this.#origin + this.#resampler.position);
    this.#noteBegun(nowMs);
    this.#timeline.forgetBefore(this.#origin);
    this.#rise(output, filled);
    if (filled > 0) this.#lastValue = output[filled - 1];
    if (filled === output.length) this.#jitter.calm(nowMs);
    else if (this.#tailWritten) this.#finishReply();
    else this.#stall(nowMs);
    return filled;
  }

  /** @param {Float32Array} output */
  #pull(output) {
    const reach = this.#ends.length > 0 ? this.#ends[0] - this.#ring.read : this.#ring.available;
    const wanted = this.#resampler.needed(output.length);
    const count = Math.min(wanted, reach);
    if (this.#pulled.length < count) this.#pulled = new Float32Array(count);
    this.#ring.take(this.#pulled, count);
    this.#resampler.write(this.#pulled, count);
    if (count < wanted && this.#ends.length > 0 && !this.#tailWritten) {
      this.#resampler.write(this.#zeros);
      this.#tailWritten = true;
    }
    return this.#resampler.read(output);
  }

  /** @param {number} nowMs */
  #noteBegun(nowMs) {
    const [start] = this.#starts;
    if (start === undefined || this.#origin + this.#resampler.position <= start) return;
    this.#starts.shift();
    this.#begun = { position: this.#timeline.at(start), atMs: nowMs };
    this.#changed = true;
  }

  #takeBegun() {
    const begun = this.#begun;
    this.#begun = null;
    return begun;
  }

  #regainLatency() {
    const count = this.#silenceSamples;
    if (this.#ends.length > 0 || this.#ring.available < count) return;
    if (!this.#jitter.mayTrim(this.#bufferedMs(), SILENCE_MS)) return;
    if (this.#ring.peak(count) > SILENCE_PEAK) return;
    this.#ring.skip(count);
    this.#origin += count;
    this.#jitter.trimmed(SILENCE_MS);
    this.#trimmedMs += SILENCE_MS;
  }

  /** @param {number} nowMs */
  #stall(nowMs) {
    this.#stalls += 1;
    this.#decayLeft = this.#fadeSamples;
    this.#jitter.stalled(nowMs);
    this.#enter("stalled");
  }

  #finishReply() {
    this.#heard = this.#timeline.at(Number(this.#ends.shift()));
    this.#decayLeft = this.#fadeSamples;
    this.#restartResampler();
    this.#enter("idle");
    if (this.#ring.available > 0) this.#begin(this.#timeline.at(this.#ring.read));
  }

  #restartResampler() {
    this.#resampler.reset();
    this.#tailWritten = false;
    this.#origin = this.#ring.read;
    this.#riseLeft = 0;
  }

  /** @param {PlayerState} state */
  #enter(state) {
    this.#state = state;
    this.#changed = true;
  }

  #bufferedMs() {
    return (this.#ring.available / this.#sourceRateHz) * 1000;
  }

  // The edges of a sound

  /**
   * Fade in after a stall.
   *
   * @param {Float32Array} output
   * @param {number} filled
   */
  #rise(output, filled) {
    for (let i = 0; i < filled && this.#riseLeft > 0; i++) {
      output[i] *= 1 - this.#riseLeft-- / this.#fadeSamples;
    }
  }

  /**
   * Fill what is left of a quantum: the last value fading away, then silence.
   *
   * @param {Float32Array} output
   * @param {number} from
   */
  #decay(output, from) {
    for (let i = from; i < output.length; i++) {
      const share = this.#decayLeft > 0 ? this.#decayLeft-- / this.#fadeSamples : 0;
      output[i] = this.#lastValue * share;
    }
  }
}

/**
 * @param {number} generation
 * @param {number} other
 */
function isBefore(generation, other) {
  return distance(generation, other, GENERATIONS) > 0;
}
