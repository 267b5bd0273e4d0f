import assert from "node:assert/strict";
import test from "node:test";

import { ResumeStore } from "../../voice/web/static/voice/resume-store.js";

const CALL = {
  token: "token-1",
  callId: "call-1",
  position: 4800,
  withMicrophone: true,
  pendingTexts: [
    { sequence: 7, text: "uno" },
    { sequence: null, text: "dos" },
  ],
  startedAtMs: 500,
  skips: [{ turn: 3, position: 2400 }],
};

/** A stand-in for sessionStorage. */
class FakeStorage {
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

test("the call saved last is loaded for two minutes", () => {
  const storage = new FakeStorage();
  const store = new ResumeStore(() => storage);
  assert.equal(store.load(0), null);
  store.save({ ...CALL, position: 1 }, 0);
  store.save(CALL, 1000);
  assert.deepEqual(store.load(120_999), CALL);
  assert.equal(store.load(121_000), null);
});

test("the stored record keeps the names of older releases", () => {
  const storage = new FakeStorage();
  new ResumeStore(() => storage).save(CALL, 0);
  const { pendingTexts, ...call } = CALL;
  const record = JSON.parse(storage.getItem("voice.calls"));
  assert.deepEqual(record, { ...call, unsaid: pendingTexts, atMs: 0 });
});

test("clear removes the stored call", () => {
  const storage = new FakeStorage();
  const store = new ResumeStore(() => storage);
  store.save(CALL, 0);
  store.clear();
  assert.equal(store.load(1), null);
  assert.deepEqual(storage.keys, []);
});

test("a storage that throws stores nothing", () => {
  const store = new ResumeStore(() => {
    throw new DOMException("", "SecurityError");
  });
  store.save(CALL, 0);
  store.clear();
  assert.equal(store.load(1), null);
});

const BROKEN_TEXTS = [[{ sequence: 1 }], [{ text: "uno" }], [null], "uno", undefined];
const BROKEN_RECORDS = BROKEN_TEXTS.map((unsaid) => JSON.stringify({ ...CALL, atMs: 0, unsaid }));
for (const stored of [
  "{",
  "3",
  '"x"',
  '{"token": 1}',
  '{"token": "t", "atMs": 0}',
  ...BROKEN_RECORDS,
]) {
  test(`a broken record is ignored: ${stored}`, () => {
    const storage = new FakeStorage();
    const store = new ResumeStore(() => storage);
    store.save(CALL, 0);
    const [key] = storage.keys;
    storage.setItem(key, stored);
    assert.equal(store.load(1), null);
  });
}

test("a record of an older release counts as a call that starts now", () => {
  const storage = new FakeStorage();
  const store = new ResumeStore(() => storage);
  const { startedAtMs, skips, ...older } = CALL;
  store.save(older, 1000);
  assert.deepEqual(store.load(2000), { ...CALL, startedAtMs: 2000, skips: [] });
});
