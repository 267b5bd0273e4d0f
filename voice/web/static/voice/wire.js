// @ts-check
/**
 * Encodes and decodes the frames of `sonic.audio.v1` (docs/wire.md), as `voice/wire/binary.py` does on
 * the server.
 *
 * A frame is a 16-byte little-endian header and a payload:
 *
 *     u8 type · u8 flags · u16 generation · u32 sequence · u32 position · u32 time_ms
 *
 * Counters wrap (generation at 2^16, the others at 2^32): compare them with serial-arithmetic.js.
 */

export const SUBPROTOCOL = "sonic.audio.v1";
export const HEADER_BYTES = 16;
export const MAX_PAYLOAD_BYTES = 65_536;
export const INPUT_RATE_HZ = 16_000;
export const OUTPUT_RATE_HZ = 24_000;

export const FrameType = Object.freeze({
  AUDIO_IN: 1,
  AUDIO_OUT: 2,
  ACK: 3,
  FLUSH: 4,
  PING: 5,
  PONG: 6,
  RESUME: 7,
  EVENT: 16,
});

export const FrameFlag = Object.freeze({ FIRST: 1, LAST: 2, RESENT: 4 });

/**
 * @typedef {object} Frame
 * @property {number} type One of `FrameType`.
 * @property {number} flags Bits of `FrameFlag`.
 * @property {number} generation Of the audio stream; grows at every interruption.
 * @property {number} sequence Number of the frame in its direction.
 * @property {number} position In samples.
 * @property {number} timeMs The sender's monotonic clock, for information only.
 * @property {ArrayBuffer} buffer The whole frame; the payload starts at `HEADER_BYTES`.
 */

/** @typedef {{ type: string } & Record<string, unknown>} WireEvent Content of an EVENT frame. */

/** A frame that breaks the wire's rules. */
export class WireError extends Error {}

/**
 * Return the bytes of a frame; header fields default to 0.
 *
 * @param {Partial<Omit<Frame, "buffer">> & { type: number }} header
 * @param {Uint8Array} [payload]
 * @returns {ArrayBuffer}
 */
export function encodeFrame(header, payload = new Uint8Array()) {
  const buffer = new ArrayBuffer(HEADER_BYTES + payload.byteLength);
  const view = new DataView(buffer);
  view.setUint8(0, header.type);
  view.setUint8(1, header.flags ?? 0);
  view.setUint16(2, header.generation ?? 0, true);
  view.setUint32(4, header.sequence ?? 0, true);
  view.setUint32(8, header.position ?? 0, true);
  view.setUint32(12, header.timeMs ?? 0, true);
  new Uint8Array(buffer, HEADER_BYTES).set(payload);
  return buffer;
}

/**
 * Decode a WebSocket message.
 *
 * @param {unknown} message
 * @returns {Frame}
 * @throws {WireError} If it is not binary, shorter than a header, or over the payload limit.
 */
export function decodeFrame(message) {
  if (!(message instanceof ArrayBuffer)) throw new WireError("text message");
  const bytes = message.byteLength;
  if (bytes < HEADER_BYTES) throw new WireError(`${bytes} bytes: shorter than a header`);
  if (bytes > HEADER_BYTES + MAX_PAYLOAD_BYTES) {
    throw new WireError(`${bytes} bytes: over the payload limit`);
  }
  const view = new DataView(message);
  return {
    type: view.getUint8(0),
    flags: view.getUint8(1),
    generation: view.getUint16(2, true),
    sequence: view.getUint32(4, true),
    position: view.getUint32(8, true),
    timeMs: view.getUint32(12, true),
    buffer: message,
  };
}

/**
 * Return the samples of an audio frame, without copying them.
 *
 * @param {Frame} frame
 * @returns {Int16Array}
 * @throws {WireError} If the payload ends in half a sample.
 */
export function frameSamples(frame) {
  const bytes = frame.buffer.byteLength - HEADER_BYTES;
  if (bytes % 2) throw new WireError(`${bytes} bytes of 16-bit samples`);
  return new Int16Array(frame.buffer, HEADER_BYTES);
}

/**
 * Return the payload of a frame, without copying it.
 *
 * @param {Frame} frame
 * @returns {Uint8Array}
 */
export function framePayload(frame) {
  return new Uint8Array(frame.buffer, HEADER_BYTES);
}

/**
 * Return the payload of an EVENT frame.
 *
 * @param {object} event
 * @returns {Uint8Array}
 */
export function encodeEvent(event) {
  return new TextEncoder().encode(JSON.stringify(event));
}

/**
 * Return the event of an EVENT frame.
 *
 * @param {Frame} frame
 * @returns {WireEvent}
 * @throws {WireError} If the payload is not UTF-8, not JSON, or not an object with a type.
 */
export function decodeEvent(frame) {
  const event = parseJson(framePayload(frame));
  if (typeof event?.type !== "string") throw new WireError("event without a type");
  return event;
}

/** @param {Uint8Array} payload */
function parseJson(payload) {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
  } catch (error) {
    throw new WireError("event that is not JSON", { cause: error });
  }
}
