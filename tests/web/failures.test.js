import assert from "node:assert/strict";
import test from "node:test";

import { closeOutcome, microphoneFailure } from "../../voice/web/static/voice/failures.js";

for (const [name, code] of [
  ["NotAllowedError", "mic-denied"],
  ["NotFoundError", "mic-missing"],
  ["OverconstrainedError", "mic-missing"],
  ["NotReadableError", "mic-busy"],
  ["SomethingNewError", "mic-busy"],
]) {
  test(`a ${name} of getUserMedia is ${code}`, () => {
    assert.equal(microphoneFailure(new DOMException("", name)), code);
  });
}

for (const [code, failure] of [
  [1006, "lost"],
  [1001, "lost"],
  [1008, "protocol"],
  [1009, "protocol"],
  [1011, "server"],
  [1013, "busy"],
  [4401, "refused"],
  [4429, "busy"],
]) {
  test(`a close with ${code} is "${failure}"`, () => {
    const action = closeOutcome({ code, wasOpen: true, isEstablished: true });
    assert.deepEqual(action, { type: "failed", code: failure });
  });
}

test("a call that is over or continues elsewhere has not failed", () => {
  const outcomeOf = (code) => closeOutcome({ code, wasOpen: true, isEstablished: true });
  assert.deepEqual(outcomeOf(4404), { type: "ended", reason: "gone" });
  assert.deepEqual(outcomeOf(4409), { type: "ended", reason: "elsewhere" });
});

test("a socket that never wasOpen means refused, or lost once established", () => {
  const codeOf = (isEstablished) =>
    closeOutcome({ code: 1006, wasOpen: false, isEstablished }).code;
  assert.equal(codeOf(false), "refused");
  assert.equal(codeOf(true), "lost");
});
