// @ts-check
/**
 * The page's outgoing events and audio: numbers the frames, retains them until the server acknowledges
 * them, and resends them after a lost connection. Pure.
 *
 * Events and audio blocks wait in queues. When one is sent, it gets the call's next sequence number for
 * good and is retained until the server acknowledges it. (The server acknowledges audio once the model
 * has transcribed it.) Events are retained as long as that takes; of the audio, the newest twenty
 * seconds. After a lost connection the server names the first sequence number it lacks. Everything
 * retained from there on is sent again, in its old order, before anything new.
 *
 * On a network slower than speech at most two seconds of audio wait here. Then the oldest blocks are
 * dropped, and the next block's position shows the gap. Audio recorded while disconnected is exempt:
 * its backlog only shrinks once the connection is back.
 */

import { SEQUENCE_MODULUS, serialDistance } from "./serial-arithmetic.js";
import { FrameFlag, FrameType, encodeEvent } from "./wire.js";

/** Two seconds of 16 kHz speech: as much may wait in the socket, and as much again in the queue. */
export const MAX_BACKLOG_BYTES = 64_000;
/** Twenty seconds of 16 kHz speech: retained and queued audio together. */
const MAX_AUDIO_BYTES = 640_000;

/** @typedef {import("./wire.js").WireEvent} WireEvent */
/** @typedef {{ payload: Uint8Array, position: number }} AudioBlock */
/** @typedef {{ payload: Uint8Array, text?: string }} QueuedEvent `text`: what the customer typed. */

/**
 * @typedef {object} PendingText A typed text that the server has not acknowledged.
 * @property {number | null} sequence Null until it is sent.
 * @property {string} text
 */

/**
 * @typedef {object} SentFrame
 * @property {number} type
 * @property {number} flags
 * @property {number} sequence
 * @property {number} position
 * @property {Uint8Array} payload
 * @property {string} [text]
 */

export class Uplink {
  #nextSequence = 0;
  /** Microphone samples so far, sent or not. */
  #recordedSamples = 0;
  /** @type {QueuedEvent[]} */
  #queuedEvents = [];
  /** @type {AudioBlock[]} */
  #queuedAudio = [];
  /** @type {SentFrame[]} */
  #retainedEvents = [];
  /** @type {SentFrame[]} */
  #retainedAudio = [];
  /** Bytes of queued and retained audio. */
  #audioBytes = 0;
  /** Bytes of audio that may stay queued; more while a backlog of a lost connection is sent. */
  #allowedBacklogBytes = MAX_BACKLOG_BYTES;
  #mustResend = false;

  /** @returns {PendingText[]} */
  get pendingTexts() {
    const queued = this.#queuedEvents.map(({ text }) => ({ sequence: null, text }));
    return [...this.#retainedEvents, ...queued].flatMap(({ sequence, text }) =>
      text === undefined ? [] : [{ sequence, text }],
    );
  }

  /** @param {WireEvent} event */
  queueEvent(event) {
    this.#queuedEvents.push({ payload: encodeEvent(event) });
  }

  /** @param {string} text */
  queueText(text) {
    this.#queuedEvents.push(textEvent(text));
  }

  /** @param {string[]} texts Typed before everything in the queue. */
  queueTextsFirst(texts) {
    this.#queuedEvents.unshift(...texts.map(textEvent));
  }

  /** @param {Int16Array} samples One block of the microphone. */
  queueAudio(samples) {
    const payload = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
    this.#queuedAudio.push({ payload, position: this.#recordedSamples });
    this.#recordedSamples += samples.length;
    this.#audioBytes += payload.byteLength;
    while (this.#audioBytes > MAX_AUDIO_BYTES) this.#dropOldestBlock();
  }

  /**
   * Return the first frame of a call. It is not retained: until the server answers it, there is no call
   * to resume.
   *
   * @param {WireEvent} event
   * @returns {SentFrame}
   */
  createStartFrame(event) {
    this.#nextSequence = 0;
    return this.#createFrame(FrameType.EVENT, { payload: encodeEvent(event), position: 0 });
  }

  /** @param {number} sequence Last one the server has. */
  acknowledge(sequence) {
    const isMissing = (/** @type {SentFrame} */ frame) =>
      serialDistance(sequence, frame.sequence, SEQUENCE_MODULUS) > 0;
    this.#retainedEvents = this.#retainedEvents.filter(isMissing);
    this.#retainedAudio = this.#retainedAudio.filter(isMissing);
    this.#audioBytes = totalBytes(this.#queuedAudio) + totalBytes(this.#retainedAudio);
  }

  /**
   * Continue the call on another connection.
   *
   * @param {number} sequence First one the server lacks.
   * @param {object} page
   * @param {boolean} page.isReloaded Whether this page was loaded again: it has sent nothing, so it
   *   counts on from `sequence`.
   */
  resume(sequence, { isReloaded }) {
    this.acknowledge(sequence - 1);
    this.#mustResend = true;
    this.#allowedBacklogBytes = MAX_AUDIO_BYTES;
    const isAhead = serialDistance(this.#nextSequence, sequence, SEQUENCE_MODULUS) > 0;
    if (isReloaded || isAhead) this.#nextSequence = sequence;
  }

  /**
   * Return the frames to send now: those to resend, then events, then audio.
   *
   * @param {number} maxAudioBytes Bytes of new audio that may be sent.
   * @returns {SentFrame[]}
   */
  takeFrames(maxAudioBytes) {
    const frames = this.#mustResend ? this.#framesToResend() : [];
    this.#mustResend = false;
    for (const event of this.#queuedEvents.splice(0)) {
      const frame = this.#createFrame(FrameType.EVENT, { ...event, position: 0 });
      this.#retainedEvents.push(frame);
      frames.push(frame);
    }
    let bytesLeft = maxAudioBytes;
    while (this.#queuedAudio.length > 0 && bytesLeft >= this.#queuedAudio[0].payload.byteLength) {
      const [block] = this.#queuedAudio.splice(0, 1);
      bytesLeft -= block.payload.byteLength;
      const frame = this.#createFrame(FrameType.AUDIO_IN, block);
      this.#retainedAudio.push(frame);
      frames.push(frame);
    }
    this.#limitBacklog();
    return frames;
  }

  /** Drop queued audio beyond the allowed backlog, which shrinks as the queue does. */
  #limitBacklog() {
    let queuedBytes = totalBytes(this.#queuedAudio);
    while (queuedBytes > this.#allowedBacklogBytes) {
      const [{ payload }] = this.#queuedAudio.splice(0, 1);
      queuedBytes -= payload.byteLength;
      this.#audioBytes -= payload.byteLength;
    }
    this.#allowedBacklogBytes = Math.max(MAX_BACKLOG_BYTES, queuedBytes);
  }

  /** @returns {SentFrame[]} */
  #framesToResend() {
    const retained = [...this.#retainedEvents, ...this.#retainedAudio];
    retained.sort((a, b) => serialDistance(b.sequence, a.sequence, SEQUENCE_MODULUS));
    return retained.map((frame) => ({ ...frame, flags: FrameFlag.RESENT }));
  }

  /**
   * @param {number} type
   * @param {AudioBlock & QueuedEvent} content
   * @returns {SentFrame}
   */
  #createFrame(type, content) {
    const sequence = this.#nextSequence;
    this.#nextSequence = (sequence + 1) % SEQUENCE_MODULUS;
    return { type, flags: 0, sequence, ...content };
  }

  /** Drop the oldest retained block; without one, the oldest queued block, which is never sent. */
  #dropOldestBlock() {
    const { payload } = this.#retainedAudio.shift() ?? this.#queuedAudio.splice(0, 1)[0];
    this.#audioBytes -= payload.byteLength;
  }
}

/** @param {string} text @returns {QueuedEvent} */
function textEvent(text) {
  return { payload: encodeEvent({ type: "text", text }), text };
}

/** @param {{ payload: Uint8Array }[]} blocks */
function totalBytes(blocks) {
  return blocks.reduce((sum, { payload }) => sum + payload.byteLength, 0);
}
