import assert from "node:assert/strict";
import test from "node:test";

import { GENERATIONS, SEQUENCES, distance } from "../../voice/web/static/voice/serial.js";

test("the nearer way round decides", () => {
  assert.equal(distance(3, 5, GENERATIONS), 2);
  assert.equal(distance(5, 3, GENERATIONS), -2);
  assert.equal(distance(65_535, 0, GENERATIONS), 1);
  assert.equal(distance(0, 65_535, GENERATIONS), -1);
  assert.equal(distance(2 ** 32 - 1, 1, SEQUENCES), 2);
  assert.equal(distance(0, 0, SEQUENCES), 0);
});

test("half a circle away counts as behind", () => {
  assert.equal(distance(0, GENERATIONS / 2 - 1, GENERATIONS), 32_767);
  assert.equal(distance(0, GENERATIONS / 2, GENERATIONS), -32_768);
});
