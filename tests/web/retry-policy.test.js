import assert from "node:assert/strict";
import test from "node:test";

import { RESUME_TIMEOUT_MS, RetryPolicy } from "../../voice/web/static/voice/retry-policy.js";

const LOST = { code: 1006, wasOpen: true, nowMs: 0, random: 0 };
const UNREACHED = { ...LOST, wasOpen: false };

function delays(policy, closes) {
  return closes.map((closed) => policy.onClosed(closed)?.delayMs ?? null);
}

/** A policy whose call was established at this time. */
function establishedAt(nowMs) {
  const policy = new RetryPolicy({ isEstablished: false, nowMs: 0 });
  policy.onConnected(nowMs);
  return policy;
}

test("a call that cannot start is tried three more times, with delays", () => {
  const policy = new RetryPolicy({ isEstablished: false, nowMs: 0 });
  const closes = [UNREACHED, UNREACHED, UNREACHED, UNREACHED];
  assert.deepEqual(delays(policy, closes), [300, 1200, 2700, null]);
});

test("a call that the server closes before it is ready is not retried", () => {
  assert.equal(new RetryPolicy({ isEstablished: false, nowMs: 0 }).onClosed(LOST), null);
});

test("an established call is resumed at once, then with growing delays", () => {
  const closes = [LOST, ...Array(6).fill(UNREACHED)];
  assert.deepEqual(delays(establishedAt(0), closes), [0, 300, 1200, 2700, 4800, 7000, 7000]);
});

test("random jitter lengthens a delay by up to a fifth", () => {
  const closes = [LOST, { ...UNREACHED, random: 1 }, { ...UNREACHED, random: 0.5 }];
  assert.deepEqual(delays(establishedAt(0), closes), [0, 360, 1320]);
});

test("a call is given up after two minutes without the server", () => {
  const policy = establishedAt(0);
  policy.onClosed({ ...LOST, nowMs: 10_000 });
  assert.equal(
    policy.onClosed({ ...UNREACHED, nowMs: 10_000 + RESUME_TIMEOUT_MS - 300 }).delayMs,
    300,
  );
  assert.equal(policy.onClosed({ ...UNREACHED, nowMs: 10_000 + RESUME_TIMEOUT_MS }), null);
});

test("the two minutes restart with each disconnect", () => {
  const policy = establishedAt(0);
  policy.onClosed({ ...LOST, nowMs: 0 });
  policy.onConnected(100_000);
  assert.notEqual(policy.onClosed({ ...LOST, nowMs: 200_000 }), null);
});

test("a connection of five seconds resets the delays, a shorter one does not", () => {
  const policy = establishedAt(0);
  assert.equal(policy.onClosed({ ...LOST, nowMs: 4999 }).delayMs, 0);
  policy.onConnected(5000);
  assert.equal(policy.onClosed({ ...LOST, nowMs: 9999 }).delayMs, 300);
  policy.onConnected(10_000);
  assert.equal(policy.onClosed({ ...LOST, nowMs: 15_000 }).delayMs, 0);
});

test("a reloaded page resumes its call with the same delays", () => {
  const policy = new RetryPolicy({ isEstablished: true, nowMs: 1000, resumeTimeoutMs: 500 });
  assert.equal(policy.onClosed({ ...UNREACHED, nowMs: 1000 }).delayMs, 0);
  assert.equal(policy.onClosed({ ...UNREACHED, nowMs: 1200 }).delayMs, 300);
  assert.equal(policy.onClosed({ ...UNREACHED, nowMs: 1501 }), null);
});

for (const code of [1008, 1009, 1011, 4002, 4401, 4404, 4409, 4429]) {
  test(`a call is not resumed after a close with ${code}`, () => {
    assert.equal(establishedAt(0).onClosed({ ...LOST, code }), null);
  });
}

for (const code of [1000, 1001, 1005, 1006, 1012, 1013, 4008, 4408]) {
  test(`a call is resumed after a close with ${code}`, () => {
    assert.notEqual(establishedAt(0).onClosed({ ...LOST, code }), null);
  });
}

test("an announced close is retried after the announced delay", () => {
  const policy = establishedAt(0);
  policy.onCloseAnnounced(500);
  const closed = { ...LOST, code: 1012, nowMs: 9000, random: 1 };
  assert.deepEqual(policy.onClosed(closed), { delayMs: 600, isAnnounced: true });
  const next = policy.onClosed({ ...UNREACHED, nowMs: 9600 });
  assert.deepEqual(next, { delayMs: 300, isAnnounced: false });
});

test("a call that waits for a line is tried again as long as the server answers", () => {
  const policy = establishedAt(0);
  for (let nowMs = 0; nowMs <= 2 * RESUME_TIMEOUT_MS; nowMs += 5000) {
    policy.onWaiting(5000, nowMs);
    const retry = policy.onClosed({ ...LOST, code: 1012, nowMs });
    assert.deepEqual(retry, { delayMs: 5000, isAnnounced: true });
  }
  const nowMs = 3 * RESUME_TIMEOUT_MS + 5000;
  assert.equal(policy.onClosed({ ...UNREACHED, nowMs }), null);
});
