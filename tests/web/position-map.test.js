import assert from "node:assert/strict";
import test from "node:test";

import { PositionMap } from "../../voice/web/static/voice/position-map.js";

test("without gaps, position equals index", () => {
  const map = new PositionMap();
  map.add(0, 0);
  map.add(480, 480);
  assert.equal(map.positionAt(700), 700);
});

test("a jump changes later positions and no earlier ones", () => {
  const map = new PositionMap();
  map.add(480, 5000);
  assert.equal(map.positionAt(479), 479);
  assert.equal(map.positionAt(480), 5000);
  assert.equal(map.positionAt(500), 5020);
});

test("discarding jumps leaves later positions unchanged", () => {
  const map = new PositionMap();
  map.add(100, 1000);
  map.add(200, 9000);
  map.discardBefore(150);
  assert.equal(map.positionAt(150), 1050);
  map.discardBefore(200);
  assert.equal(map.positionAt(210), 9010);
});
