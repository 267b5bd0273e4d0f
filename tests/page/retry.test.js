import assert from "node:assert/strict";
import test from "node:test";

import { retryDelayMs } from "../../voice/static/voice/retry.js";

test("a server that can't be reached is tried three times more, ever later", () => {
  const delays = [0, 1, 2, 3].map((attempt) =>
    retryDelayMs({ attempt, begun: false, opened: false }),
  );
  assert.deepEqual(delays, [300, 1200, 2700, null]);
});

test("a call that has begun, and a server that hung up, are not tried again", () => {
  assert.equal(retryDelayMs({ attempt: 0, begun: true, opened: true }), null);
  assert.equal(retryDelayMs({ attempt: 0, begun: false, opened: true }), null);
});
