// @ts-check
/**
 * What the page says: numbers it, keeps it until the server has it, and says it again after a lost
 * connection. Pure.
 *
 * Theory. Events and blocks of the microphone wait unnumbered until there is room for them; the
 * moment one is handed over it gets the call's next sequence number, which it keeps for good. From
 * then on it is kept until the server acknowledges it: an event for as long as that takes, sound
 * only while it is among the newest two seconds. Where the connection is lost, the server names the
 * first number it does not have, and everything kept from there on goes again, in the old order,
 * before anything new.
 *
 * The same two seconds bound what waits, so a network slower than speech loses the oldest sound; the
 * next block's position then shows what is missing.
 */

import { SEQUENCES, distance } from "./serial.js";
import { FrameFlag, FrameType, encodeEvent } from "./wire.js";

/** Two seconds of 16 kHz speech: as much may wait in the socket, and as much is kept here. */
export const BACKLOG_BYTES = 64_000;

/** @typedef {import("./connection.js").WireEvent} WireEvent */
/** @typedef {{ payload: Uint8Array, position: number }} Block */

/**
 * @typedef {object} Sent a frame that has its number
 * @property {number} type
 * @property {number} flags
 * @property {number} sequence
 * @property {number} position
 * @property {Uint8Array} payload
 */

export class Uplink {
  #next = 0;
  /** Samples of the microphone so far, sent or not. */
  #recorded = 0;
  /** @type {Uint8Array[]} */
  #events = [];
  /** @type {Block[]} */
  #sound = [];
  /** @type {Sent[]} */
  #keptEvents = [];
  /** @type {Sent[]} */
  #keptSound = [];
  /** Of the sound that waits and is kept. */
  #soundBytes = 0;
  #isToRepeat = false;

  /** Blocks that were never sent. */
  droppedBlocks = 0;

  /** @param {WireEvent} event */
  say(event) {
    this.#events.push(encodeEvent(event));
  }

  /** @param {Int16Array} samples one block of the microphone */
  record(samples) {
    const payload = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
    this.#sound.push({ payload, position: this.#recorded });
    this.#recorded += samples.length;
    this.#soundBytes += payload.byteLength;
    while (this.#soundBytes > BACKLOG_BYTES) this.#giveUpOldest();
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
    if (isNewcomer || distance(this.#next, sequence, SEQUENCES) > 0) this.#next = sequence;
  }

  /**
   * @param {number} room bytes of sound that may go now
   * @returns {Sent[]} the frames to hand over: what is said again, then events, then sound
   */
  take(room) {
    const due = this.#isToRepeat ? this.#repeated() : [];
    this.#isToRepeat = false;
    for (const payload of this.#events.splice(0)) due.push(this.#takeEvent(payload));
    let left = room;
    while (this.#sound.length > 0 && left >= this.#sound[0].payload.byteLength) {
      left -= this.#sound[0].payload.byteLength;
      due.push(this.#takeBlock());
    }
    return due;
  }

  /** @returns {Sent[]} */
  #repeated() {
    const kept = [...this.#keptEvents, ...this.#keptSound];
    kept.sort((a, b) => distance(b.sequence, a.sequence, SEQUENCES));
    return kept.map((sent) => ({ ...sent, flags: FrameFlag.RESENT }));
  }

  /** @param {Uint8Array} payload */
  #takeEvent(payload) {
    const sent = this.#numbered(FrameType.EVENT, { payload, position: 0 });
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
   * @param {Block} block
   * @returns {Sent}
   */
  #numbered(type, block) {
    const sequence = this.#next;
    this.#next = (sequence + 1) % SEQUENCES;
    return { type, flags: 0, sequence, ...block };
  }

  #giveUpOldest() {
    const [sent] = this.#keptSound.splice(0, 1);
    const block = sent ?? this.#sound.splice(0, 1)[0];
    if (sent === undefined) this.droppedBlocks += 1;
    this.#soundBytes -= block.payload.byteLength;
  }
}

/** @param {{ payload: Uint8Array }[]} blocks */
function bytesOf(blocks) {
  return blocks.reduce((sum, { payload }) => sum + payload.byteLength, 0);
}
