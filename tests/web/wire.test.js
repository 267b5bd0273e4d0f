import assert from "node:assert/strict";
import test from "node:test";

import {
  FrameType,
  HEADER_BYTES,
  MAX_PAYLOAD_BYTES,
  WireError,
  decodeFrame,
  encodeEvent,
  encodeFrame,
  decodeEvent,
  framePayload,
  frameSamples,
} from "../../voice/web/static/voice/wire.js";

/** An EVENT frame with these bytes as payload. */
function eventFrame(bytes) {
  return decodeFrame(encodeFrame({ type: FrameType.EVENT }, Uint8Array.from(bytes)));
}

test("a decoded frame equals the encoded one", () => {
  const header = { type: 2, flags: 3, generation: 7, sequence: 5, position: 9, timeMs: 11 };
  const { buffer, ...decoded } = decodeFrame(encodeFrame(header, Uint8Array.of(1, 2)));
  assert.deepEqual(decoded, header);
  assert.deepEqual([...framePayload({ ...decoded, buffer })], [1, 2]);
});

test("the header has the layout of docs/wire.md", () => {
  const frame = { type: 1, flags: 2, generation: 0x0403, sequence: 8, position: 12, timeMs: 16 };
  const bytes = [...new Uint8Array(encodeFrame(frame))];
  assert.deepEqual(bytes, [1, 2, 3, 4, 8, 0, 0, 0, 12, 0, 0, 0, 16, 0, 0, 0]);
});

test("counters wrap at their width", () => {
  const wide = {
    type: 1,
    generation: 65_537,
    sequence: 2 ** 32 + 5,
    position: 2 ** 32,
    timeMs: -1,
  };
  const { generation, sequence, position, timeMs } = decodeFrame(encodeFrame(wide));
  assert.deepEqual([generation, sequence, position, timeMs], [1, 5, 0, 2 ** 32 - 1]);
});

test("text, short and oversized messages are rejected; the limits are not", () => {
  assert.throws(() => decodeFrame("hola"), WireError);
  assert.throws(() => decodeFrame(new ArrayBuffer(HEADER_BYTES - 1)), WireError);
  assert.throws(
    () => decodeFrame(new ArrayBuffer(HEADER_BYTES + MAX_PAYLOAD_BYTES + 1)),
    WireError,
  );
  decodeFrame(new ArrayBuffer(HEADER_BYTES));
  decodeFrame(new ArrayBuffer(HEADER_BYTES + MAX_PAYLOAD_BYTES));
});

test("samples are little-endian; half a sample is rejected", () => {
  const frame = (...bytes) => decodeFrame(encodeFrame({ type: 2 }, Uint8Array.from(bytes)));
  assert.deepEqual([...frameSamples(frame(1, 0, 0, 128))], [1, -32_768]);
  assert.throws(() => frameSamples(frame(1, 0, 0)), WireError);
});

test("events keep non-ASCII text", () => {
  const event = { type: "text", text: "¿Cómo está mi pedido?" };
  assert.deepEqual(decodeEvent(eventFrame(encodeEvent(event))), event);
});

for (const [what, bytes] of [
  ["not UTF-8", [0xff, 0xfe]],
  ["not JSON", [...Buffer.from("{")]],
  ["not an object", [...Buffer.from("null")]],
  ["without a type", [...Buffer.from("{}")]],
  ["with a type that is no string", [...Buffer.from('{"type": 3}')]],
]) {
  test(`an event that is ${what} is rejected`, () => {
    assert.throws(() => decodeEvent(eventFrame(bytes)), WireError);
  });
}
