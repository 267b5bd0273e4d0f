import assert from "node:assert/strict";
import test from "node:test";

import { PATIENCE_MS, RetryPolicy } from "../../voice/web/static/voice/retry.js";

const LOST = { code: 1006, opened: true, nowMs: 0, chance: 0 };
const UNREACHED = { ...LOST, opened: false };

function delays(policy, closes) {
  return closes.map((closed) => policy.closed(closed)?.delayMs ?? null);
}

/** A policy whose call was answered at this time. */
function begunAt(nowMs) {
  const policy = new RetryPolicy({ isBegun: false, nowMs: 0 });
  policy.live(nowMs);
  return policy;
}

test("a call that can't be begun is tried three times more, ever later", () => {
  const policy = new RetryPolicy({ isBegun: false, nowMs: 0 });
  const closes = [UNREACHED, UNREACHED, UNREACHED, UNREACHED];
  assert.deepEqual(delays(policy, closes), [300, 1200, 2700, null]);
});

test("a server that answered and hung up before it began is not tried again", () => {
  assert.equal(new RetryPolicy({ isBegun: false, nowMs: 0 }).closed(LOST), null);
});

test("a call that has begun is gone on with at once, then ever later", () => {
  const closes = [LOST, ...Array(6).fill(UNREACHED)];
  assert.deepEqual(delays(begunAt(0), closes), [0, 300, 1200, 2700, 4800, 7000, 7000]);
});

test("by chance a delay is up to a fifth longer", () => {
  const closes = [LOST, { ...UNREACHED, chance: 1 }, { ...UNREACHED, chance: 0.5 }];
  assert.deepEqual(delays(begunAt(0), closes), [0, 360, 1320]);
});

test("after two minutes without the server it is given up", () => {
  const policy = begunAt(0);
  policy.closed({ ...LOST, nowMs: 10_000 });
  assert.equal(policy.closed({ ...UNREACHED, nowMs: 10_000 + PATIENCE_MS - 300 }).delayMs, 300);
  assert.equal(policy.closed({ ...UNREACHED, nowMs: 10_000 + PATIENCE_MS }), null);
});

test("the two minutes begin anew with each loss", () => {
  const policy = begunAt(0);
  policy.closed({ ...LOST, nowMs: 0 });
  policy.live(100_000);
  assert.notEqual(policy.closed({ ...LOST, nowMs: 200_000 }), null);
});

test("a connection that held for five seconds starts the delays afresh, a shorter one doesn't", () => {
  const policy = begunAt(0);
  assert.equal(policy.closed({ ...LOST, nowMs: 4999 }).delayMs, 0);
  policy.live(5000);
  assert.equal(policy.closed({ ...LOST, nowMs: 9999 }).delayMs, 300);
  policy.live(10_000);
  assert.equal(policy.closed({ ...LOST, nowMs: 15_000 }).delayMs, 0);
});

test("a page that was loaded again goes on with its call in the same way", () => {
  const policy = new RetryPolicy({ isBegun: true, nowMs: 1000, patienceMs: 500 });
  assert.equal(policy.closed({ ...UNREACHED, nowMs: 1000 }).delayMs, 0);
  assert.equal(policy.closed({ ...UNREACHED, nowMs: 1200 }).delayMs, 300);
  assert.equal(policy.closed({ ...UNREACHED, nowMs: 1501 }), null);
});

for (const code of [1008, 1009, 1011, 4002, 4401, 4404, 4409, 4429]) {
  test(`after a close with ${code} there is nothing to go on with`, () => {
    assert.equal(begunAt(0).closed({ ...LOST, code }), null);
  });
}

for (const code of [1000, 1001, 1005, 1006, 1012, 1013, 4008, 4408]) {
  test(`after a close with ${code} the call goes on`, () => {
    assert.notEqual(begunAt(0).closed({ ...LOST, code }), null);
  });
}

test("a hang-up that was announced is followed when it was asked for, and is no alarm", () => {
  const policy = begunAt(0);
  policy.announced(500);
  const closed = { ...LOST, code: 1012, nowMs: 9000, chance: 1 };
  assert.deepEqual(policy.closed(closed), { delayMs: 600, isAnnounced: true });
  const next = policy.closed({ ...UNREACHED, nowMs: 9600 });
  assert.deepEqual(next, { delayMs: 300, isAnnounced: false });
});
