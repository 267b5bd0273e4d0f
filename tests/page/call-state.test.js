import assert from "node:assert/strict";
import test from "node:test";

import { IDLE, isTalking, reduce, statusOf } from "../../voice/static/voice/call-state.js";

const DIALLED = { type: "dialled", withMicrophone: true };
const TYPED = { type: "dialled", withMicrophone: false };
const READY = { type: "ready" };
const OPENED = { type: "microphone-opened" };
const SPEAKING = { type: "playback", speaking: true };
const SILENT = { type: "playback", speaking: false };

/** The state after these actions. */
function after(...actions) {
  return actions.reduce(reduce, IDLE);
}

test("a spoken turn goes from listening to thinking to speaking and back", () => {
  const steps = [DIALLED, OPENED, READY, { type: "asked" }, SPEAKING, SILENT];
  const seen = steps.map((_, i) => statusOf(after(...steps.slice(0, i + 1))));
  assert.deepEqual(seen, [
    "connecting",
    "connecting",
    "listening",
    "thinking",
    "speaking",
    "listening",
  ]);
});

test("the browser's question is told only where it takes a while", () => {
  assert.equal(statusOf(after(DIALLED, { type: "microphone-asked" })), "asking");
  assert.equal(statusOf(after(DIALLED, { type: "microphone-asked" }, OPENED)), "connecting");
  assert.equal(statusOf(after(TYPED, READY, { type: "microphone-asked" })), "asking");
});

test("a call without a microphone asks for typing, and its button is not pressed", () => {
  const state = after(TYPED, READY);
  assert.equal(statusOf(state), "typing");
  assert.equal(isTalking(state), false);
  const spoken = reduce(reduce(state, { type: "microphone-wanted" }), OPENED);
  assert.equal(statusOf(spoken), "listening");
  assert.equal(isTalking(spoken), true);
});

test("the button is pressed from the press on, so that a second press hangs up", () => {
  assert.equal(isTalking(after(DIALLED)), true);
  assert.deepEqual(after(DIALLED, { type: "hung-up" }), IDLE);
});

test("words that come while the assistant speaks are thought about when it has spoken", () => {
  assert.equal(statusOf(after(TYPED, READY, SPEAKING, { type: "asked" })), "speaking");
  assert.equal(statusOf(after(TYPED, READY, SPEAKING, { type: "asked" }, SILENT)), "thinking");
});

test("a turn without sound still ends the thinking", () => {
  assert.equal(statusOf(after(TYPED, READY, { type: "asked" }, { type: "answered" })), "typing");
});

test("reconnecting is told until the server is ready", () => {
  assert.equal(statusOf(after(DIALLED, { type: "retrying" })), "retrying");
  assert.equal(statusOf(after(DIALLED, { type: "retrying" }, READY, OPENED)), "listening");
});

test("a failed call is idle and says why", () => {
  const state = after(DIALLED, OPENED, READY, { type: "failed", code: "lost" });
  assert.deepEqual(state, { ...IDLE, failure: { code: "lost" } });
  assert.equal(statusOf(state), "failed");
});

test("what the server said of it is worth more than the close that follows", () => {
  const said = { type: "error-said", message: "El servicio está ocupado." };
  const failed = { type: "failed", code: "server" };
  const expected = { code: "said", message: "El servicio está ocupado." };
  assert.deepEqual(after(TYPED, READY, said, failed).failure, expected);
  assert.deepEqual(after(TYPED, READY, said, { type: "ended", reason: "error" }).failure, expected);
});

test("a failure is told until the customer goes on", () => {
  const said = { type: "error-said", message: "No le entendí." };
  assert.equal(after(TYPED, READY, said, { type: "asked" }).failure, null);
  assert.equal(after(DIALLED, { type: "failed", code: "mic-denied" }, TYPED).failure, null);
});

test("a microphone that fails in mid-call leaves the call alone", () => {
  const state = after(DIALLED, OPENED, READY, { type: "microphone-failed", code: "mic-lost" });
  assert.equal(statusOf(state), "typing");
  assert.deepEqual(state.failure, { code: "mic-lost" });
  assert.equal(isTalking(state), false);
});

test("the assistant's last words are still told as speaking", () => {
  const state = after(TYPED, READY, SPEAKING, { type: "ended", reason: "model" });
  assert.equal(statusOf(state), "speaking");
  assert.equal(statusOf(reduce(state, SILENT)), "ended");
});

test("held-back sound is told only in a call", () => {
  const held = { type: "sound", running: false };
  assert.equal(after(held).muffled, false);
  assert.equal(after(DIALLED, held).muffled, false);
  assert.equal(after(DIALLED, READY, held).muffled, true);
  assert.equal(after(DIALLED, READY, held, { type: "sound", running: true }).muffled, false);
});

test("what comes late for a call that is over changes nothing", () => {
  for (const action of [READY, OPENED, { type: "asked" }, { type: "retrying" }]) {
    assert.deepEqual(after(action), IDLE);
  }
});
