// @ts-check
/**
 * What the page says: numbers it, keeps it until the server has it, and says it again after a lost
 * connection. Pure.
 *
 * Theory. Events and blocks of the microphone wait unnumbered until there is room for them; the
 * moment one is handed over it gets the call's next sequence number, which it keeps for good. From
 * then on it is kept until the server acknowledges it, which for sound is when the model has said
 * what it understood: an event for as long as that takes, sound while it is among the newest twenty
 * seconds. Where the connection is lost, the server names the first number it does not have, and
 * everything kept from there on goes again, in the old order, before anything new.
 *
 * Over a connection that is slower than speech no more than two seconds wait: the oldest sound is
 * lost, and the next block's position shows what is missing. What was recorded while there was no
 * connection is waited for, since it only gets less.
 */

import { SEQUENCES, distance } from "./serial.js";
import { FrameFlag, FrameType, encodeEvent } from "./wire.js";

/** Two seconds of 16 kHz speech: as much may wait in the socket, and as much again here. */
export const BACKLOG_BYTES = 64_000;
/** Twenty seconds of it: what is kept, and what waits while there is no connection. */
export const KEPT_BYTES = 640_000;

/** @typedef {import("./connection.js").WireEvent} WireEvent */
/** @typedef {{ payload: Uint8Array, position: number }} Block */
/** @typedef {{ payload: Uint8Array, text?: string }} Saying `text`: what the customer typed */
/** @typedef {{ sequence: number | null, text: string }} UnsaidText null: it has no number yet */

/**
 * @typedef {object} Sent a frame that has its number
 * @property {number} type
 * @property {number} flags
 * @property {number} sequence
 * @property {number} position
 * @property {Uint8Array} payload
 * @property {string} [text]
 */

export class Uplink {
  #next = 0;
  /** Samples of the microphone so far, sent or not. */
  #recorded = 0;
  /** @type {Saying[]} */
  #events = [];
  /** @type {Block[]} */
  #sound = [];
  /** @type {Sent[]} */
  #keptEvents = [];
  /** @type {Sent[]} */
  #keptSound = [];
  /** Of the sound that waits and is kept. */
  #soundBytes = 0;
  /** How much may wait behind a gap in the connection, in bytes. */
  #allowance = BACKLOG_BYTES;
  #isToRepeat = false;

  /** Blocks that were never sent. */
  droppedBlocks = 0;

  /** What was typed and is not known to have come. @returns {UnsaidText[]} */
  get unsaidTexts() {
    const waiting = this.#events.map(({ text }) => ({ sequence: null, text }));
    return [...this.#keptEvents, ...waiting].flatMap(({ sequence, text }) =>
      text === undefined ? [] : [{ sequence, text }],
    );
  }

  /** @param {WireEvent} event */
  say(event) {
    this.#events.push({ payload: encodeEvent(event) });
  }

  /** @param {string} text */
  type(text) {
    this.#events.push(typed(text));
  }

  /** @param {string[]} texts that were typed before all that waits */
  typeFirst(texts) {
    this.#events.unshift(...texts.map(typed));
  }

  /** @param {Int16Array} samples one block of the microphone */
  record(samples) {
    const payload = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
    this.#sound.push({ payload, position: this.#recorded });
    this.#recorded += samples.length;
    this.#soundBytes += payload.byteLength;
    while (this.#soundBytes > KEPT_BYTES) this.#giveUp(this.#keptSound.shift() ?? this.#missed());
  }

  /**
   * The first event of a call. It is not kept: until it is answered there is no call to resume.
   *
   * @param {WireEvent} event
   * @returns {Sent}
   */
  start(event) {
    this.#next = 0;
    return this.#numbered(FrameType.EVENT, { payload: encodeEvent(event), position: 0 });
  }

  /** @param {number} sequence the last one the server has */
  acknowledged(sequence) {
    const isMissing = (/** @type {Sent} */ sent) =>
      distance(sequence, sent.sequence, SEQUENCES) > 0;
    this.#keptEvents = this.#keptEvents.filter(isMissing);
    this.#keptSound = this.#keptSound.filter(isMissing);
    this.#soundBytes = bytesOf(this.#sound) + bytesOf(this.#keptSound);
  }

  /**
   * The call goes on over another connection.
   *
   * @param {number} sequence the first one the server does not have
   * @param {{ isNewcomer: boolean }} who a page that remembers nothing counts from there on
   */
  resume(sequence, { isNewcomer }) {
    this.acknowledged(sequence - 1);
    this.#isToRepeat = true;
    this.#allowance = KEPT_BYTES;
    if (isNewcomer || distance(this.#next, sequence, SEQUENCES) > 0) this.#next = sequence;
  }

  /**
   * @param {number} room bytes of sound that may go now
   * @returns {Sent[]} the frames to hand over: what is said again, then events, then sound
   */
  take(room) {
    const due = this.#isToRepeat ? this.#repeated() : [];
    this.#isToRepeat = false;
    for (const saying of this.#events.splice(0)) due.push(this.#takeEvent(saying));
    let left = room;
    while (this.#sound.length > 0 && left >= this.#sound[0].payload.byteLength) {
      left -= this.#sound[0].payload.byteLength;
      due.push(this.#takeBlock());
    }
    this.#shed();
    return due;
  }

  /** Lets go of what has waited too long. */
  #shed() {
    let waiting = bytesOf(this.#sound);
    for (; waiting > this.#allowance; waiting = bytesOf(this.#sound)) this.#giveUp(this.#missed());
    this.#allowance = Math.max(BACKLOG_BYTES, waiting);
  }

  /** @returns {Sent[]} */
  #repeated() {
    const kept = [...this.#keptEvents, ...this.#keptSound];
    kept.sort((a, b) => distance(b.sequence, a.sequence, SEQUENCES));
    return kept.map((sent) => ({ ...sent, flags: FrameFlag.RESENT }));
  }

  /** @param {Saying} saying */
  #takeEvent(saying) {
    const sent = this.#numbered(FrameType.EVENT, { ...saying, position: 0 });
    this.#keptEvents.push(sent);
    return sent;
  }

  #takeBlock() {
    const [block] = this.#sound.splice(0, 1);
    const sent = this.#numbered(FrameType.AUDIO_IN, block);
    this.#keptSound.push(sent);
    return sent;
  }

  /**
   * @param {number} type
   * @param {Block & Saying} block
   * @returns {Sent}
   */
  #numbered(type, block) {
    const sequence = this.#next;
    this.#next = (sequence + 1) % SEQUENCES;
    return { type, flags: 0, sequence, ...block };
  }

  /** @returns {Block} the oldest block, which is never sent */
  #missed() {
    this.droppedBlocks += 1;
    return this.#sound.splice(0, 1)[0];
  }

  /** @param {{ payload: Uint8Array }} block */
  #giveUp({ payload }) {
    this.#soundBytes -= payload.byteLength;
  }
}

/** @param {string} text @returns {Saying} */
function typed(text) {
  return { payload: encodeEvent({ type: "text", text }), text };
}

/** @param {{ payload: Uint8Array }[]} blocks */
function bytesOf(blocks) {
  return blocks.reduce((sum, { payload }) => sum + payload.byteLength, 0);
}
