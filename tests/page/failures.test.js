import assert from "node:assert/strict";
import test from "node:test";

import { closeFailure, microphoneFailure } from "../../voice/static/voice/failures.js";

for (const [name, code] of [
  ["NotAllowedError", "mic-denied"],
  ["NotFoundError", "mic-missing"],
  ["OverconstrainedError", "mic-missing"],
  ["NotReadableError", "mic-busy"],
  ["SomethingNewError", "mic-busy"],
]) {
  test(`${name} of the browser is ${code}`, () => {
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
    assert.equal(closeFailure({ code, opened: true, answers: true }), failure);
  });
}

test("a socket that never opened was turned away, if the server still answers", () => {
  assert.equal(closeFailure({ code: 1006, opened: false, answers: true }), "refused");
  assert.equal(closeFailure({ code: 1006, opened: false, answers: false }), "unreachable");
});
