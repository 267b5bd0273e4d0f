import assert from "node:assert/strict";
import test from "node:test";

import { JitterPolicy } from "../../voice/web/static/voice/jitter.js";

test("playing starts at 60 ms; each stall raises that by half, to 400 at most", () => {
  const policy = new JitterPolicy();
  assert.equal(policy.targetMs, 60);
  policy.stalled(0);
  assert.equal(policy.targetMs, 90);
  for (let i = 0; i < 10; i++) policy.stalled(i);
  assert.equal(policy.targetMs, 400);
});

test("twenty calm seconds lower the target by a tenth, to 40 at least", () => {
  const policy = new JitterPolicy();
  policy.calm(19_999);
  assert.equal(policy.targetMs, 60);
  policy.calm(20_000);
  assert.equal(policy.targetMs, 54);
  for (let i = 2; i < 20; i++) policy.calm(20_000 * i);
  assert.equal(policy.targetMs, 40);
});

test("a stall starts the calm anew", () => {
  const policy = new JitterPolicy();
  policy.stalled(10_000);
  policy.calm(29_999);
  assert.equal(policy.targetMs, 90);
  policy.calm(30_000);
  assert.equal(policy.targetMs, 81);
});

/** A policy that lost 100 ms in a stall; its target is 90 ms. */
function indebted() {
  const policy = new JitterPolicy();
  policy.stalled(1000);
  assert.equal(policy.resumed(1100), 100);
  return policy;
}

test("nothing is trimmed that no stall has lost", () => {
  assert.equal(new JitterPolicy().mayTrim(900, 10), false);
});

test("silence goes once 80 ms more than the target are left after it", () => {
  assert.equal(indebted().mayTrim(179, 10), false);
  assert.equal(indebted().mayTrim(180, 10), true);
});

test("a source a second ahead is not paced, and its pauses are meant", () => {
  assert.equal(indebted().mayTrim(1000, 10), true);
  assert.equal(indebted().mayTrim(1001, 10), false);
});

test("no more is regained than was lost", () => {
  const policy = indebted();
  for (let i = 0; i < 10; i++) {
    assert.equal(policy.mayTrim(500, 10), true);
    policy.trimmed(10);
  }
  assert.equal(policy.mayTrim(500, 10), false);
});

test("a new reply owes nothing", () => {
  const policy = indebted();
  policy.replyStarted();
  assert.equal(policy.mayTrim(500, 10), false);
});
