// @ts-check
/**
 * Turns the chunks of the assistant's voice into continuous audio. Contains all of
 * the playback worklet's logic, so that Node can test it. Pure: chunks and time come in, samples and
 * reports go out.
 *
 * Chunks (24 kHz) wait in a ring buffer. The audio thread calls `render` for each quantum, which pulls
 * through the resampler exactly the samples that this quantum needs. So the position that the customer
 * has heard is known to the sample. States of a reply:
 *
 *     idle ──chunk──► buffering ──target reached──► playing ──end of reply reached──► idle
 *                                                    │   ▲
 *                                        buffer empty│   │target reached
 *                                                    ▼   │
 *                                                   stalled
 *
 * A reply whose end has arrived does not wait for the target, since no more of it will come. The ends
 * are indices in the ring buffer, so the next reply may already wait behind one. Every cut in the audio
 * (stall, flush, skip) fades out from the last value over 5 ms, and audio after a stall fades in, so
 * that nothing clicks.
 *
 * `flush` is the server's barge-in: it drops everything older than a generation. `skipReply` is the
 * customer's Esc key: it drops the rest of this one reply, also what has yet to arrive. What is skipped
 * counts as played, or the server's flow control would delay what comes next.
 */

import { JitterPolicy } from "./jitter-policy.js";
import { LevelMeter } from "./level-meter.js";
import { PositionMap } from "./position-map.js";
import { Resampler } from "./resampler.js";
import { RingBuffer } from "./ring-buffer.js";
import { GENERATION_MODULUS, serialDistance } from "./serial-arithmetic.js";

const FADE_MS = 5;
const TRIM_MS = 10;
/** A stretch with a lower peak than this (-50 dB) is silence. */
const SILENCE_PEAK = 0.003;
const REPORT_INTERVAL_MS = 50;

/** @typedef {"idle" | "buffering" | "playing" | "stalled"} PlayerState */

/**
 * @typedef {object} Chunk
 * @property {Int16Array} samples
 * @property {number} generation
 * @property {number} position Downlink position of the first sample.
 * @property {boolean} isFirst Whether a reply starts with it.
 * @property {boolean} isLast Whether a reply ends with it.
 */

/**
 * @typedef {object} StreamReset A new start of the downlink's counters: another server, or another
 *   page, continues the call.
 * @property {number} generation Of the audio to come.
 * @property {number | null} position Downlink position heard so far, if another page has played it.
 */

/**
 * @typedef {{ kind: "chunk", chunk: Chunk }
 *   | { kind: "flush", generation: number }
 *   | { kind: "stream-reset", reset: StreamReset }
 *   | { kind: "finish" }} PlaybackCommand Sent by the socket worker.
 */

/**
 * @typedef {object} PlayerReport
 * @property {PlayerState} state
 * @property {{ position: number, atMs: number } | null} startedReply The reply whose first sample was
 *   played since the last report, and when, by the audio clock.
 * @property {boolean} isFinished Whether no more audio comes and all of it has been played.
 * @property {number} generation The newest one received.
 * @property {number} position Downlink position up to which the customer has heard.
 * @property {number} bufferedMs
 * @property {number} targetMs
 * @property {number} stalls
 * @property {number} stalledMs
 * @property {number} trimmedMs
 * @property {number} level Root mean square since the last report, 0 to 1.
 */

export class Player {
  #sourceRateHz;
  #buffer = new RingBuffer();
  #positions = new PositionMap();
  #jitter = new JitterPolicy();
  #level = new LevelMeter();
  #resampler;
  #zeros;
  #input = new Float32Array(1024);
  #fadeSamples;
  #trimSamples;
  #reportSamples;

  /** @type {PlayerState} */
  #state = "idle";
  #generation = 0;
  /** Downlink position up to which the customer has heard. */
  #playedPosition = 0;
  /** Whether arriving chunks belong to a reply that is skipped. */
  #isSkipping = false;
  /** Buffer indices at which replies end, oldest first. @type {number[]} */
  #replyEnds = [];
  /** Buffer indices at which unplayed replies start, oldest first. @type {number[]} */
  #replyStarts = [];
  /** @type {{ position: number, atMs: number } | null} */
  #startedReply = null;
  /** Whether no more audio comes. */
  #isEndOfStream = false;
  /** Buffer index of the resampler's sample 0; trimming moves it on. */
  #resamplerOrigin = 0;
  #isTailWritten = false;
  #lastValue = 0;
  #fadeOutLeft = 0;
  #fadeInLeft = 0;
  #stalls = 0;
  #stalledMs = 0;
  #trimmedMs = 0;
  #samplesSinceReport = 0;
  #hasChanged = false;

  /** @param {{ sourceRateHz: number, contextRateHz: number }} rates */
  constructor({ sourceRateHz, contextRateHz }) {
    this.#sourceRateHz = sourceRateHz;
    this.#resampler = new Resampler(sourceRateHz, contextRateHz);
    this.#zeros = new Float32Array(this.#resampler.lookahead);
    this.#fadeSamples = Math.round((contextRateHz * FADE_MS) / 1000);
    this.#trimSamples = Math.round((sourceRateHz * TRIM_MS) / 1000);
    this.#reportSamples = Math.round((contextRateHz * REPORT_INTERVAL_MS) / 1000);
  }

  // Commands of the server and the customer

  /** @param {Chunk} chunk */
  receive(chunk) {
    if (isOlder(chunk.generation, this.#generation)) return;
    if (chunk.isFirst || chunk.generation !== this.#generation) this.#isSkipping = false;
    this.#generation = chunk.generation;
    if (this.#isSkipping) this.#discard(chunk);
    else this.#enqueue(chunk);
  }

  /**
   * Drop all audio older than `generation`. The played position stays where the customer was.
   *
   * @param {number} generation
   */
  flush(generation) {
    if (isOlder(generation, this.#generation)) return;
    this.#generation = generation;
    this.#isSkipping = false;
    this.#stopPlaying();
  }

  /** Drop the rest of this reply, also what has yet to arrive of it. */
  skipReply() {
    if (this.#state === "idle") return;
    this.#isSkipping = !this.#isReplyComplete;
    this.#playedPosition = this.#positions.positionAt(this.#buffer.writeIndex);
    this.#stopPlaying();
  }

  /**
   * Continue with another server's or another page's counters. What has arrived is played to its end,
   * though no more of that reply will come.
   *
   * @param {StreamReset} reset
   */
  resetStream({ generation, position }) {
    this.#endReply();
    this.#generation = generation;
    if (position !== null) this.#playedPosition = position;
    this.#hasChanged = true;
  }

  /** End the stream: play what has arrived to its end, then report that playback is finished. */
  finish() {
    this.#endReply();
    this.#isEndOfStream = true;
    this.#hasChanged = true;
  }

  // Calls of the audio thread

  /**
   * Fill one quantum.
   *
   * @param {Float32Array} output
   * @param {number} nowMs
   */
  render(output, nowMs) {
    this.#startWhenReady(nowMs);
    const filled = this.#state === "playing" ? this.#play(output, nowMs) : 0;
    this.#fadeOut(output, filled);
    this.#level.add(output);
    this.#samplesSinceReport += output.length;
  }

  /**
   * Return a report if one is due: when the state has changed, and every 50 ms unless idle.
   *
   * @returns {PlayerReport | null}
   */
  takeReport() {
    const isIntervalOver = this.#samplesSinceReport >= this.#reportSamples;
    const isDue = this.#hasChanged || (isIntervalOver && this.#state !== "idle");
    if (!isDue) return null;
    const startedReply = this.#startedReply;
    this.#startedReply = null;
    this.#hasChanged = false;
    this.#samplesSinceReport = 0;
    return {
      state: this.#state,
      startedReply,
      isFinished: this.#isEndOfStream && this.#state === "idle",
      generation: this.#generation,
      position: this.#playedPosition,
      bufferedMs: this.#bufferedMs,
      targetMs: this.#jitter.targetMs,
      stalls: this.#stalls,
      stalledMs: this.#stalledMs,
      trimmedMs: this.#trimmedMs,
      level: this.#level.readAndReset(),
    };
  }

  // Receiving

  /** @param {Chunk} chunk */
  #enqueue({ samples, position, isFirst, isLast }) {
    if (this.#state === "idle") this.#startReply(position);
    this.#positions.add(this.#buffer.writeIndex, position);
    if (isFirst && samples.length > 0) this.#replyStarts.push(this.#buffer.writeIndex);
    this.#buffer.write(samples);
    if (isLast) this.#replyEnds.push(this.#buffer.writeIndex);
  }

  /** @param {Chunk} chunk Of a skipped reply. */
  #discard({ samples, position, isLast }) {
    this.#playedPosition = position + samples.length;
    this.#isSkipping = !isLast;
    this.#hasChanged = true;
  }

  /** @param {number} position */
  #startReply(position) {
    this.#jitter.onReplyStart();
    this.#playedPosition = position;
    this.#setState("buffering");
  }

  /** Expect no more of the reply that is arriving. */
  #endReply() {
    this.#isSkipping = false;
    if (this.#state === "idle" || this.#isReplyComplete) return;
    this.#replyEnds.push(this.#buffer.writeIndex);
  }

  /** Whether the newest reply in the buffer has arrived to its end. */
  get #isReplyComplete() {
    return this.#replyEnds.at(-1) === this.#buffer.writeIndex;
  }

  #stopPlaying() {
    if (this.#state === "playing") this.#fadeOutLeft = this.#fadeSamples;
    this.#buffer.clear();
    this.#replyEnds = [];
    this.#replyStarts = [];
    this.#restartResampler();
    this.#setState("idle");
  }

  // Playing

  /**
   * Leave `buffering` or `stalled` once enough is buffered, or the end of the reply has arrived.
   *
   * @param {number} nowMs
   */
  #startWhenReady(nowMs) {
    if (this.#state !== "buffering" && this.#state !== "stalled") return;
    const hasEnd = this.#replyEnds.length > 0;
    if (!hasEnd && this.#bufferedMs < this.#jitter.targetMs) return;
    if (this.#state === "stalled") {
      this.#stalledMs += this.#jitter.onStallEnd(nowMs);
      this.#fadeInLeft = this.#fadeSamples;
    }
    this.#setState("playing");
  }

  /**
   * Play into `output` and return the number of samples filled; fewer than a quantum at a reply's end
   * or a stall.
   *
   * @param {Float32Array} output
   * @param {number} nowMs
   * @returns {number}
   */
  #play(output, nowMs) {
    this.#trimSilence();
    const filled = this.#resample(output);
    const playedIndex = this.#resamplerOrigin + this.#resampler.position;
    this.#playedPosition = this.#positions.positionAt(playedIndex);
    this.#detectReplyStart(playedIndex, nowMs);
    this.#positions.discardBefore(this.#resamplerOrigin);
    this.#fadeIn(output, filled);
    if (filled > 0) this.#lastValue = output[filled - 1];
    if (filled === output.length) this.#jitter.onPlayed(nowMs);
    else if (this.#isTailWritten) this.#finishReply();
    else this.#stall(nowMs);
    return filled;
  }

  /**
   * Feed the resampler what `output` needs, but nothing beyond the reply's end, and read from it.
   *
   * @param {Float32Array} output
   * @returns {number} Number of samples filled.
   */
  #resample(output) {
    const hasEnd = this.#replyEnds.length > 0;
    const ofReply = hasEnd ? this.#replyEnds[0] - this.#buffer.readIndex : this.#buffer.available;
    const needed = this.#resampler.needed(output.length);
    const count = Math.min(needed, ofReply);
    if (this.#input.length < count) this.#input = new Float32Array(count);
    this.#buffer.read(this.#input, count);
    this.#resampler.write(this.#input, count);
    if (count < needed && hasEnd && !this.#isTailWritten) {
      this.#resampler.write(this.#zeros);
      this.#isTailWritten = true;
    }
    return this.#resampler.read(output);
  }

  /**
   * @param {number} playedIndex Buffer index up to which audio has been played.
   * @param {number} nowMs
   */
  #detectReplyStart(playedIndex, nowMs) {
    const [start] = this.#replyStarts;
    if (start === undefined || playedIndex <= start) return;
    this.#replyStarts.shift();
    this.#startedReply = { position: this.#positions.positionAt(start), atMs: nowMs };
    this.#hasChanged = true;
  }

  /** Skip a silence to regain time lost in a stall, where the jitter policy allows it. */
  #trimSilence() {
    const count = this.#trimSamples;
    if (this.#replyEnds.length > 0 || this.#buffer.available < count) return;
    if (!this.#jitter.canTrim(this.#bufferedMs, TRIM_MS)) return;
    if (this.#buffer.peak(count) > SILENCE_PEAK) return;
    this.#buffer.skip(count);
    this.#resamplerOrigin += count;
    this.#jitter.onTrim(TRIM_MS);
    this.#trimmedMs += TRIM_MS;
  }

  /** @param {number} nowMs */
  #stall(nowMs) {
    this.#stalls += 1;
    this.#fadeOutLeft = this.#fadeSamples;
    this.#jitter.onStall(nowMs);
    this.#setState("stalled");
  }

  #finishReply() {
    this.#playedPosition = this.#positions.positionAt(Number(this.#replyEnds.shift()));
    this.#fadeOutLeft = this.#fadeSamples;
    this.#restartResampler();
    this.#setState("idle");
    if (this.#buffer.available > 0) {
      this.#startReply(this.#positions.positionAt(this.#buffer.readIndex));
    }
  }

  #restartResampler() {
    this.#resampler.reset();
    this.#isTailWritten = false;
    this.#resamplerOrigin = this.#buffer.readIndex;
    this.#fadeInLeft = 0;
  }

  /** @param {PlayerState} state */
  #setState(state) {
    this.#state = state;
    this.#hasChanged = true;
  }

  get #bufferedMs() {
    return (this.#buffer.available / this.#sourceRateHz) * 1000;
  }

  // Fades

  /**
   * Fade in after a stall.
   *
   * @param {Float32Array} output
   * @param {number} filled
   */
  #fadeIn(output, filled) {
    for (let i = 0; i < filled && this.#fadeInLeft > 0; i++) {
      output[i] *= 1 - this.#fadeInLeft-- / this.#fadeSamples;
    }
  }

  /**
   * Fill the quantum from `start` on: the last value fading out, then silence.
   *
   * @param {Float32Array} output
   * @param {number} start
   */
  #fadeOut(output, start) {
    for (let i = start; i < output.length; i++) {
      const gain = this.#fadeOutLeft > 0 ? this.#fadeOutLeft-- / this.#fadeSamples : 0;
      output[i] = this.#lastValue * gain;
    }
  }
}

/**
 * @param {number} generation
 * @param {number} other
 */
function isOlder(generation, other) {
  return serialDistance(generation, other, GENERATION_MODULUS) > 0;
}
