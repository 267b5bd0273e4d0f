import assert from "node:assert/strict";
import test from "node:test";

import { CallMemory } from "../../voice/web/static/voice/call-memory.js";

const CALL = {
  token: "token-1",
  callId: "call-1",
  position: 4800,
  withMicrophone: true,
  unsaid: [
    { sequence: 7, text: "uno" },
    { sequence: null, text: "dos" },
  ],
};

/** A tab's storage. */
class Storage {
  #items = new Map();

  setItem(key, value) {
    this.#items.set(key, String(value));
  }

  getItem(key) {
    return this.#items.get(key) ?? null;
  }

  removeItem(key) {
    this.#items.delete(key);
  }

  get keys() {
    return [...this.#items.keys()];
  }
}

test("a call is remembered as it was last told, for two minutes", () => {
  const memory = new CallMemory(() => new Storage());
  assert.equal(memory.recall(0), null);
  const storage = new Storage();
  const same = new CallMemory(() => storage);
  same.keep({ ...CALL, position: 1 }, 0);
  same.keep(CALL, 1000);
  assert.deepEqual(same.recall(120_999), CALL);
  assert.equal(same.recall(121_000), null);
});

test("a call that is forgotten leaves nothing behind", () => {
  const storage = new Storage();
  const memory = new CallMemory(() => storage);
  memory.keep(CALL, 0);
  memory.forget();
  assert.equal(memory.recall(1), null);
  assert.deepEqual(storage.keys, []);
});

test("a storage that throws means that nothing is remembered", () => {
  const memory = new CallMemory(() => {
    throw new DOMException("", "SecurityError");
  });
  memory.keep(CALL, 0);
  memory.forget();
  assert.equal(memory.recall(1), null);
});

const BROKEN = [[{ sequence: 1 }], [{ text: "uno" }], [null], "uno", undefined];
const NO_CALLS = BROKEN.map((unsaid) => JSON.stringify({ ...CALL, atMs: 0, unsaid }));
for (const stored of ["{", "3", '"x"', '{"token": 1}', '{"token": "t", "atMs": 0}', ...NO_CALLS]) {
  test(`what is no call is passed over: ${stored}`, () => {
    const storage = new Storage();
    const memory = new CallMemory(() => storage);
    memory.keep(CALL, 0);
    const [key] = storage.keys;
    storage.setItem(key, stored);
    assert.equal(memory.recall(1), null);
  });
}
