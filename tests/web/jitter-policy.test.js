import assert from "node:assert/strict";
import test from "node:test";

import { JitterPolicy } from "../../voice/web/static/voice/jitter-policy.js";

test("the target starts at 60 ms and grows by half per stall, up to 400", () => {
  const policy = new JitterPolicy();
  assert.equal(policy.targetMs, 60);
  policy.onStall(0);
  assert.equal(policy.targetMs, 90);
  for (let i = 0; i < 10; i++) policy.onStall(i);
  assert.equal(policy.targetMs, 400);
});

test("twenty seconds without a stall lower the target by a tenth, to 40", () => {
  const policy = new JitterPolicy();
  policy.onPlayed(19_999);
  assert.equal(policy.targetMs, 60);
  policy.onPlayed(20_000);
  assert.equal(policy.targetMs, 54);
  for (let i = 2; i < 20; i++) policy.onPlayed(20_000 * i);
  assert.equal(policy.targetMs, 40);
});

test("a stall restarts the twenty seconds", () => {
  const policy = new JitterPolicy();
  policy.onStall(10_000);
  policy.onPlayed(29_999);
  assert.equal(policy.targetMs, 90);
  policy.onPlayed(30_000);
  assert.equal(policy.targetMs, 81);
});

/** A policy after a stall of 100 ms; its target is 90 ms. */
function stalledPolicy() {
  const policy = new JitterPolicy();
  policy.onStall(1000);
  assert.equal(policy.onStallEnd(1100), 100);
  return policy;
}

test("nothing is trimmed before a stall", () => {
  assert.equal(new JitterPolicy().canTrim(900, 10), false);
});

test("silence is trimmed if 80 ms above the target are left", () => {
  assert.equal(stalledPolicy().canTrim(179, 10), false);
  assert.equal(stalledPolicy().canTrim(180, 10), true);
});

test("a source a second ahead is not trimmed", () => {
  assert.equal(stalledPolicy().canTrim(1000, 10), true);
  assert.equal(stalledPolicy().canTrim(1001, 10), false);
});

test("no more is trimmed than was lost", () => {
  const policy = stalledPolicy();
  for (let i = 0; i < 10; i++) {
    assert.equal(policy.canTrim(500, 10), true);
    policy.onTrim(10);
  }
  assert.equal(policy.canTrim(500, 10), false);
});

test("a new reply has no debt", () => {
  const policy = stalledPolicy();
  policy.onReplyStart();
  assert.equal(policy.canTrim(500, 10), false);
});
