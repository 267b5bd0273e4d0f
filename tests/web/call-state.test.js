import assert from "node:assert/strict";
import test from "node:test";

import { IDLE, isTalking, reduce, statusOf } from "../../voice/web/static/voice/call-state.js";

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
  const answered = { type: "answered", turn: 1 };
  assert.equal(statusOf(after(TYPED, READY, { type: "asked" }, answered)), "typing");
});

test("what is told late of an earlier answer doesn't end the thinking about a later question", () => {
  const asked = [TYPED, READY, { type: "asked", turn: 2 }];
  assert.equal(statusOf(after(...asked, { type: "answered", turn: 1 })), "thinking");
  assert.equal(statusOf(after(...asked, { type: "answered", turn: 2 })), "typing");
});

test("a lost connection is told above all else until the call goes on", () => {
  const lost = [DIALLED, OPENED, READY, SPEAKING, { type: "retrying" }];
  assert.equal(statusOf(after(...lost)), "retrying");
  assert.equal(isTalking(after(...lost)), true);
  assert.equal(statusOf(after(...lost, { type: "resumed" })), "speaking");
  assert.equal(statusOf(after(...lost, SILENT, { type: "resumed" })), "listening");
});

test("a page that was loaded again looks for its call, and has it back", () => {
  const recalled = { type: "recalled", withMicrophone: true };
  assert.equal(statusOf(after(recalled)), "retrying");
  assert.equal(isTalking(after(recalled)), true);
  assert.equal(statusOf(after(recalled, { type: "resumed" }, OPENED)), "listening");
  const typed = { type: "recalled", withMicrophone: false };
  assert.equal(statusOf(after(typed, { type: "resumed" })), "typing");
});

test("an assistant that is away is told once it has spoken what it had said", () => {
  const away = { type: "away", away: true };
  assert.equal(statusOf(after(TYPED, READY, SPEAKING, away)), "speaking");
  assert.equal(statusOf(after(TYPED, READY, SPEAKING, away, SILENT)), "away");
  assert.equal(statusOf(after(TYPED, READY, { type: "asked" }, away)), "away");
  const back = { type: "away", away: false };
  assert.equal(statusOf(after(TYPED, READY, { type: "asked" }, away, back)), "thinking");
});

test("a server that has the call from store starts with no absence to be told", () => {
  const lost = [TYPED, READY, { type: "away", away: true }, { type: "retrying" }];
  const resumed = (restored) => statusOf(after(...lost, { type: "resumed", restored }));
  assert.equal(resumed(true), "typing");
  assert.equal(resumed(false), "away");
});

test("who is turned away is told in the server's words, and when to come back", () => {
  const turnedAway = { type: "turned-away", message: "Estamos ocupados.", retryAfterS: 3 };
  const state = after(DIALLED, turnedAway);
  assert.deepEqual(state, {
    ...IDLE,
    failure: { code: "said", message: "Estamos ocupados." },
    waitS: 3,
  });
  assert.equal(reduce(state, { type: "waited", leftS: 2 }).waitS, 2);
  assert.equal(reduce(state, DIALLED).waitS, null);
  assert.deepEqual(after(DIALLED, { ...turnedAway, message: null }).failure, { code: "busy" });
});

test("a call that goes on in another window hasn't ended", () => {
  const state = after(TYPED, READY, { type: "ended", reason: "elsewhere" });
  assert.equal(statusOf(state), "elsewhere");
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
  const said = { type: "error-said", message: "El servicio está ocupado.", retryAfterS: 9 };
  const failed = { type: "failed", code: "server" };
  const expected = { code: "said", message: "El servicio está ocupado." };
  assert.deepEqual(after(TYPED, READY, said, failed).failure, expected);
  const ended = after(TYPED, READY, said, { type: "ended", reason: "error" });
  assert.deepEqual([ended.failure, ended.waitS], [expected, 9]);
  assert.equal(after(TYPED, READY, said, failed).waitS, 9);
});

test("a failure is told until the customer goes on", () => {
  const said = { type: "error-said", message: "No le entendí.", retryAfterS: null };
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

test("last words that have come are told as speaking before the first of them is heard", () => {
  const state = after(TYPED, READY, { type: "ended", reason: "model", sounding: true });
  assert.equal(statusOf(state), "speaking");
  assert.equal(statusOf(reduce(state, SILENT)), "ended");
});

test("last words that the browser holds back can still be let out", () => {
  const held = { type: "sound", running: false };
  const ended = { type: "ended", reason: "model", sounding: true };
  assert.equal(after(DIALLED, READY, held, ended).muffled, true);
  assert.equal(after(DIALLED, READY, held, ended, { type: "sound", running: true }).muffled, false);
  assert.equal(after(DIALLED, READY, ended, SILENT, held).muffled, false);
});

test("held-back sound is told only in a call", () => {
  const held = { type: "sound", running: false };
  assert.equal(after(held).muffled, false);
  assert.equal(after(DIALLED, held).muffled, false);
  assert.equal(after(DIALLED, READY, held).muffled, true);
  assert.equal(after(DIALLED, READY, held, { type: "sound", running: true }).muffled, false);
  assert.equal(statusOf(after(DIALLED, OPENED, READY, held)), "paused", "nor is anybody heard");
  assert.equal(statusOf(after(TYPED, READY, held)), "typing");
});

test("what comes late for a call that is over changes nothing", () => {
  for (const action of [
    READY,
    OPENED,
    { type: "asked" },
    { type: "retrying" },
    { type: "resumed" },
  ]) {
    assert.deepEqual(after(action), IDLE);
  }
});
