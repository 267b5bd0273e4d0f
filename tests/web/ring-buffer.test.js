import assert from "node:assert/strict";
import test from "node:test";

import { RingBuffer } from "../../voice/web/static/voice/ring-buffer.js";

/** Read `count` samples as the integers that were written. */
function readIntegers(buffer, count) {
  const floats = new Float32Array(count);
  buffer.read(floats, count);
  return Array.from(floats, (x) => x * 32_768);
}

test("samples are read in the order written, across the wrap", () => {
  const buffer = new RingBuffer(8);
  buffer.write(Int16Array.of(1, 2, 3, 4, 5, 6));
  assert.deepEqual(readIntegers(buffer, 5), [1, 2, 3, 4, 5]);
  buffer.write(Int16Array.of(7, 8, 9, 10, 11));
  assert.deepEqual(readIntegers(buffer, 6), [6, 7, 8, 9, 10, 11]);
  assert.equal(buffer.available, 0);
});

test("a full buffer grows without loss, also when its content wraps", () => {
  const buffer = new RingBuffer(8);
  buffer.write(Int16Array.of(0, 0, 0, 0, 0, 0));
  buffer.skip(6);
  buffer.write(Int16Array.from({ length: 8 }, (_, i) => i + 1));
  buffer.write(Int16Array.from({ length: 100 }, (_, i) => i + 9));
  assert.deepEqual(
    readIntegers(buffer, 108),
    Array.from({ length: 108 }, (_, i) => i + 1),
  );
});

test("random writes and reads lose and repeat no sample", () => {
  const buffer = new RingBuffer(16);
  let next = 0;
  let expected = 0;
  for (let round = 0; round < 500; round++) {
    const size = (round * 7919) % 61;
    buffer.write(Int16Array.from({ length: size }, () => next++ % 30_000));
    const count = Math.min(buffer.available, (round * 104_729) % 53);
    for (const value of readIntegers(buffer, count)) assert.equal(value, expected++ % 30_000);
  }
  assert.equal(buffer.writeIndex, next);
});

test("clear keeps the indices counting", () => {
  const buffer = new RingBuffer(8);
  buffer.write(Int16Array.of(1, 2, 3));
  buffer.clear();
  assert.equal(buffer.available, 0);
  assert.equal(buffer.readIndex, 3);
});

test("peak reads ahead without consuming samples", () => {
  const buffer = new RingBuffer(8);
  buffer.write(Int16Array.of(0, -16_384, 8_192));
  assert.equal(buffer.peak(1), 0);
  assert.equal(buffer.peak(3), 0.5);
  assert.equal(buffer.available, 3);
});
