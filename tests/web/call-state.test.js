import assert from "node:assert/strict";
import test from "node:test";

import {
  IDLE,
  isMicrophoneActive,
  reduce,
  statusOf,
} from "../../voice/web/static/voice/call-state.js";

const STARTED = { type: "call-started", withMicrophone: true };
const STARTED_TYPING = { type: "call-started", withMicrophone: false };
const READY = { type: "ready" };
const OPENED = { type: "microphone-opened" };
const SPEAKING = { type: "playback", isSpeaking: true };
const SILENT = { type: "playback", isSpeaking: false };

/** Return the state after these actions. */
function after(...actions) {
  return actions.reduce(reduce, IDLE);
}

test("a spoken turn goes from listening to thinking to speaking and back", () => {
  const steps = [STARTED, OPENED, READY, { type: "user-input" }, SPEAKING, SILENT];
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

test("a permission prompt is shown once it takes a while", () => {
  assert.equal(statusOf(after(STARTED, { type: "microphone-prompting" })), "asking");
  assert.equal(statusOf(after(STARTED, { type: "microphone-prompting" }, OPENED)), "connecting");
  assert.equal(statusOf(after(STARTED_TYPING, READY, { type: "microphone-prompting" })), "asking");
});

test("a call without a microphone asks for typing, button not pressed", () => {
  const state = after(STARTED_TYPING, READY);
  assert.equal(statusOf(state), "typing");
  assert.equal(isMicrophoneActive(state), false);
  const spoken = reduce(reduce(state, { type: "microphone-requested" }), OPENED);
  assert.equal(statusOf(spoken), "listening");
  assert.equal(isMicrophoneActive(spoken), true);
});

test("hanging up ends the call at once, as the customer's own end", () => {
  assert.equal(isMicrophoneActive(after(STARTED)), true);
  assert.deepEqual(after(STARTED, { type: "hung-up" }), { ...IDLE, endReason: "client" });
});

test("a stopped microphone leaves the call to typing", () => {
  const state = after(STARTED, OPENED, READY, { type: "microphone-closed" });
  assert.equal(state.phase, "active");
  assert.equal(statusOf(state), "typing");
});

test("a microphone silenced by the system is shown while it lasts", () => {
  const muted = after(STARTED, OPENED, READY, { type: "microphone-muted", isMuted: true });
  assert.equal(statusOf(muted), "muted");
  assert.equal(statusOf(reduce(muted, { type: "microphone-muted", isMuted: false })), "listening");
  const reopened = reduce(reduce(muted, { type: "microphone-requested" }), OPENED);
  assert.equal(statusOf(reopened), "listening");
});

test("a call taken over by another window is not shown as speaking", () => {
  const state = after(STARTED, OPENED, READY, SPEAKING, { type: "ended", reason: "elsewhere" });
  assert.equal(statusOf(state), "elsewhere");
});

test("a page without https offers typing", () => {
  assert.equal(statusOf(reduce(IDLE, { type: "failed", code: "mic-insecure" })), "typing");
});

test("input while the assistant speaks shows thinking afterwards", () => {
  assert.equal(
    statusOf(after(STARTED_TYPING, READY, SPEAKING, { type: "user-input" })),
    "speaking",
  );
  assert.equal(
    statusOf(after(STARTED_TYPING, READY, SPEAKING, { type: "user-input" }, SILENT)),
    "thinking",
  );
});

test("a reply without audio ends the thinking", () => {
  const reply = { type: "assistant-reply", turn: 1 };
  assert.equal(statusOf(after(STARTED_TYPING, READY, { type: "user-input" }, reply)), "typing");
});

test("a late reply to an earlier turn does not end the thinking", () => {
  const steps = [STARTED_TYPING, READY, { type: "user-input", turn: 2 }];
  assert.equal(statusOf(after(...steps, { type: "assistant-reply", turn: 1 })), "thinking");
  assert.equal(statusOf(after(...steps, { type: "assistant-reply", turn: 2 })), "typing");
});

test("a lost connection is shown before all else until the resume", () => {
  const lost = [STARTED, OPENED, READY, SPEAKING, { type: "reconnecting" }];
  assert.equal(statusOf(after(...lost)), "retrying");
  assert.equal(isMicrophoneActive(after(...lost)), true);
  assert.equal(statusOf(after(...lost, { type: "resumed" })), "speaking");
  assert.equal(statusOf(after(...lost, SILENT, { type: "resumed" })), "listening");
});

test("a call without a free line shows that it waits, until the resume", () => {
  const message = "Todas las líneas están ocupadas.";
  const waiting = [STARTED, OPENED, READY, { type: "reconnecting" }, { type: "waiting", message }];
  assert.equal(statusOf(after(...waiting)), "waiting");
  assert.deepEqual(after(...waiting).failure, { code: "server-message", message });
  assert.equal(statusOf(after(...waiting, { type: "reconnecting" })), "retrying");
  const resumed = after(...waiting, { type: "resumed", isRestored: true });
  assert.equal(statusOf(resumed), "listening");
  assert.equal(resumed.failure, null);
});

test("a reloaded page shows reconnecting until its call is resumed", () => {
  const restored = { type: "call-restored", withMicrophone: true };
  assert.equal(statusOf(after(restored)), "retrying");
  assert.equal(isMicrophoneActive(after(restored)), true);
  assert.equal(statusOf(after(restored, { type: "resumed" }, OPENED)), "listening");
  const typedRestored = { type: "call-restored", withMicrophone: false };
  assert.equal(statusOf(after(typedRestored, { type: "resumed" })), "typing");
});

test("an absent assistant is shown once playback has ended", () => {
  const away = { type: "assistant-away", isAway: true };
  assert.equal(statusOf(after(STARTED_TYPING, READY, SPEAKING, away)), "speaking");
  assert.equal(statusOf(after(STARTED_TYPING, READY, SPEAKING, away, SILENT)), "away");
  assert.equal(statusOf(after(STARTED_TYPING, READY, { type: "user-input" }, away)), "away");
  const back = { type: "assistant-away", isAway: false };
  assert.equal(
    statusOf(after(STARTED_TYPING, READY, { type: "user-input" }, away, back)),
    "thinking",
  );
});

test("a restored call starts without an absent assistant", () => {
  const lost = [
    STARTED_TYPING,
    READY,
    { type: "assistant-away", isAway: true },
    { type: "reconnecting" },
  ];
  const statusAfter = (isRestored) => statusOf(after(...lost, { type: "resumed", isRestored }));
  assert.equal(statusAfter(true), "typing");
  assert.equal(statusAfter(false), "away");
});

test("a rejected call shows the server's message and countdown", () => {
  const rejected = { type: "rejected", message: "Estamos ocupados.", retryAfterS: 3 };
  const state = after(STARTED, rejected);
  assert.deepEqual(state, {
    ...IDLE,
    failure: { code: "server-message", message: "Estamos ocupados." },
    retryAfterS: 3,
  });
  assert.equal(reduce(state, { type: "retry-countdown", remainingS: 2 }).retryAfterS, 2);
  assert.equal(reduce(state, STARTED).retryAfterS, null);
  assert.deepEqual(after(STARTED, { ...rejected, message: null }).failure, { code: "busy" });
});

test("a call that continues in another window has its own status", () => {
  const state = after(STARTED_TYPING, READY, { type: "ended", reason: "elsewhere" });
  assert.equal(statusOf(state), "elsewhere");
});

test("reconnecting is shown until the server is ready", () => {
  assert.equal(statusOf(after(STARTED, { type: "reconnecting" })), "retrying");
  assert.equal(statusOf(after(STARTED, { type: "reconnecting" }, READY, OPENED)), "listening");
});

test("a failed call is idle with its failure", () => {
  const state = after(STARTED, OPENED, READY, { type: "failed", code: "lost" });
  assert.deepEqual(state, { ...IDLE, failure: { code: "lost" } });
  assert.equal(statusOf(state), "failed");
});

test("the server's error wins over the close that follows", () => {
  const error = { type: "server-error", message: "El servicio está ocupado.", retryAfterS: 9 };
  const failed = { type: "failed", code: "server" };
  const expected = { code: "server-message", message: "El servicio está ocupado." };
  assert.deepEqual(after(STARTED_TYPING, READY, error, failed).failure, expected);
  const ended = after(STARTED_TYPING, READY, error, { type: "ended", reason: "error" });
  assert.deepEqual([ended.failure, ended.retryAfterS], [expected, 9]);
  assert.equal(after(STARTED_TYPING, READY, error, failed).retryAfterS, 9);
});

test("a failure is shown until the next input or call", () => {
  const error = { type: "server-error", message: "No le entendí.", retryAfterS: null };
  assert.equal(after(STARTED_TYPING, READY, error, { type: "user-input" }).failure, null);
  assert.equal(
    after(STARTED, { type: "failed", code: "mic-denied" }, STARTED_TYPING).failure,
    null,
  );
});

test("a microphone that fails during a call leaves the call active", () => {
  const state = after(STARTED, OPENED, READY, { type: "microphone-failed", code: "mic-lost" });
  assert.equal(statusOf(state), "typing");
  assert.deepEqual(state.failure, { code: "mic-lost" });
  assert.equal(isMicrophoneActive(state), false);
});

test("playback after the end of the call is shown as speaking", () => {
  const end = { type: "ended", reason: "model", hasUnplayedAudio: true };
  const state = after(STARTED_TYPING, READY, SPEAKING, end);
  assert.equal(statusOf(state), "speaking");
  assert.equal(statusOf(reduce(state, SILENT)), "ended");
});

test("unplayed audio at the end of the call is shown as speaking", () => {
  const state = after(STARTED_TYPING, READY, {
    type: "ended",
    reason: "model",
    hasUnplayedAudio: true,
  });
  assert.equal(statusOf(state), "speaking");
  assert.equal(statusOf(reduce(state, SILENT)), "ended");
});

test("suspended audio can be resumed after the end of the call", () => {
  const suspended = { type: "audio-context", isRunning: false };
  const ended = { type: "ended", reason: "model", hasUnplayedAudio: true };
  assert.equal(after(STARTED, READY, suspended, ended).isAudioSuspended, true);
  assert.equal(
    after(STARTED, READY, suspended, ended, { type: "audio-context", isRunning: true })
      .isAudioSuspended,
    false,
  );
  assert.equal(after(STARTED, READY, ended, SILENT, suspended).isAudioSuspended, false);
});

test("suspended audio is shown only during a call", () => {
  const suspended = { type: "audio-context", isRunning: false };
  assert.equal(after(suspended).isAudioSuspended, false);
  assert.equal(after(STARTED, suspended).isAudioSuspended, false);
  assert.equal(after(STARTED, READY, suspended).isAudioSuspended, true);
  assert.equal(
    after(STARTED, READY, suspended, { type: "audio-context", isRunning: true }).isAudioSuspended,
    false,
  );
  assert.equal(
    statusOf(after(STARTED, OPENED, READY, suspended)),
    "paused",
    "the microphone is suspended too",
  );
  assert.equal(statusOf(after(STARTED_TYPING, READY, suspended)), "typing");
});

test("late actions of a call that is over change nothing", () => {
  for (const action of [
    READY,
    OPENED,
    { type: "user-input" },
    { type: "reconnecting" },
    { type: "resumed" },
  ]) {
    assert.deepEqual(after(action), IDLE);
  }
});
