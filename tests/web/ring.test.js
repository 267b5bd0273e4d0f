import assert from "node:assert/strict";
import test from "node:test";

import { Ring } from "../../voice/web/static/voice/ring.js";

/** Take `count` samples back as the integers that were written. */
function taken(ring, count) {
  const floats = new Float32Array(count);
  ring.take(floats, count);
  return Array.from(floats, (x) => x * 32_768);
}

test("what is written comes out in order, across the seam", () => {
  const ring = new Ring(8);
  ring.write(Int16Array.of(1, 2, 3, 4, 5, 6));
  assert.deepEqual(taken(ring, 5), [1, 2, 3, 4, 5]);
  ring.write(Int16Array.of(7, 8, 9, 10, 11));
  assert.deepEqual(taken(ring, 6), [6, 7, 8, 9, 10, 11]);
  assert.equal(ring.available, 0);
});

test("a full ring grows and loses nothing, also when its content wraps", () => {
  const ring = new Ring(8);
  ring.write(Int16Array.of(0, 0, 0, 0, 0, 0));
  ring.skip(6);
  ring.write(Int16Array.from({ length: 8 }, (_, i) => i + 1));
  ring.write(Int16Array.from({ length: 100 }, (_, i) => i + 9));
  assert.deepEqual(
    taken(ring, 108),
    Array.from({ length: 108 }, (_, i) => i + 1),
  );
});

test("random writes and reads never lose or repeat a sample", () => {
  const ring = new Ring(16);
  let next = 0;
  let expected = 0;
  for (let round = 0; round < 500; round++) {
    const size = (round * 7919) % 61;
    ring.write(Int16Array.from({ length: size }, () => next++ % 30_000));
    const count = Math.min(ring.available, (round * 104_729) % 53);
    for (const value of taken(ring, count)) assert.equal(value, expected++ % 30_000);
  }
  assert.equal(ring.written, next);
});

test("clearing keeps the count of what was written", () => {
  const ring = new Ring(8);
  ring.write(Int16Array.of(1, 2, 3));
  ring.clear();
  assert.equal(ring.available, 0);
  assert.equal(ring.read, 3);
});

test("the peak looks ahead without taking", () => {
  const ring = new Ring(8);
  ring.write(Int16Array.of(0, -16_384, 8_192));
  assert.equal(ring.peak(1), 0);
  assert.equal(ring.peak(3), 0.5);
  assert.equal(ring.available, 3);
});
