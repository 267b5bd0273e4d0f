import assert from "node:assert/strict";
import test from "node:test";

import { Timeline } from "../../voice/web/static/voice/timeline.js";

test("while nothing is lost, index and position are the same", () => {
  const timeline = new Timeline();
  timeline.mark(0, 0);
  timeline.mark(480, 480);
  assert.equal(timeline.at(700), 700);
});

test("a jump moves what follows it and nothing before", () => {
  const timeline = new Timeline();
  timeline.mark(480, 5000);
  assert.equal(timeline.at(479), 479);
  assert.equal(timeline.at(480), 5000);
  assert.equal(timeline.at(500), 5020);
});

test("what is forgotten leaves later answers alone", () => {
  const timeline = new Timeline();
  timeline.mark(100, 1000);
  timeline.mark(200, 9000);
  timeline.forgetBefore(150);
  assert.equal(timeline.at(150), 1050);
  timeline.forgetBefore(200);
  assert.equal(timeline.at(210), 9010);
});
