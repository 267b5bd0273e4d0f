import assert from "node:assert/strict";
import test from "node:test";

import {
  GENERATION_MODULUS,
  SEQUENCE_MODULUS,
  serialDistance,
} from "../../voice/web/static/voice/serial-arithmetic.js";

test("the shorter way around the counter decides", () => {
  assert.equal(serialDistance(3, 5, GENERATION_MODULUS), 2);
  assert.equal(serialDistance(5, 3, GENERATION_MODULUS), -2);
  assert.equal(serialDistance(65_535, 0, GENERATION_MODULUS), 1);
  assert.equal(serialDistance(0, 65_535, GENERATION_MODULUS), -1);
  assert.equal(serialDistance(2 ** 32 - 1, 1, SEQUENCE_MODULUS), 2);
  assert.equal(serialDistance(0, 0, SEQUENCE_MODULUS), 0);
});

test("half the modulus away counts as behind", () => {
  assert.equal(serialDistance(0, GENERATION_MODULUS / 2 - 1, GENERATION_MODULUS), 32_767);
  assert.equal(serialDistance(0, GENERATION_MODULUS / 2, GENERATION_MODULUS), -32_768);
});
