import assert from "node:assert/strict";
import test from "node:test";

import { closeAction, microphoneFailure } from "../../voice/web/static/voice/failures.js";

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
    const action = closeAction({ code, opened: true, isBegun: true });
    assert.deepEqual(action, { type: "failed", code: failure });
  });
}

test("a call that is over, or goes on elsewhere, has not failed", () => {
  const reasonOf = (code) => closeAction({ code, opened: true, isBegun: true });
  assert.deepEqual(reasonOf(4404), { type: "ended", reason: "gone" });
  assert.deepEqual(reasonOf(4409), { type: "ended", reason: "elsewhere" });
});

test("a socket that never opened was turned away if the call had not begun, else it is lost", () => {
  const codeOf = (isBegun) => closeAction({ code: 1006, opened: false, isBegun }).code;
  assert.equal(codeOf(false), "refused");
  assert.equal(codeOf(true), "lost");
});
