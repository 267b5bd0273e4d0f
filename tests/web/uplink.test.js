import assert from "node:assert/strict";
import test from "node:test";

import { Uplink } from "../../voice/web/static/voice/uplink.js";
import { FrameFlag, FrameType } from "../../voice/web/static/voice/wire.js";

const PLENTY = 1_000_000;
const BLOCK = new Int16Array(512);
const BLOCKS_IN_TWO_SECONDS = 62;
const BLOCKS_IN_TWENTY_SECONDS = 625;
const { AUDIO_IN, EVENT } = FrameType;

/** Return an uplink that has sent this many texts, then this many blocks. */
function uplinkAfter({ texts = 0, blocks = 0 }) {
  const uplink = new Uplink();
  for (let i = 0; i < texts; i++) uplink.queueEvent({ type: "text", text: String(i) });
  for (let i = 0; i < blocks; i++) uplink.queueAudio(BLOCK);
  uplink.takeFrames(PLENTY);
  return uplink;
}

/** Resume the call from `sequence` and return what is sent again: type, sequence and flags. */
function resentFrom(uplink, sequence) {
  uplink.resume(sequence, { isReloaded: false });
  return uplink.takeFrames(PLENTY).map((sent) => [sent.type, sent.sequence, sent.flags]);
}

function resent(type, ...sequences) {
  return sequences.map((sequence) => [type, sequence, FrameFlag.RESENT]);
}

test("events go before audio, each with the next sequence", () => {
  const uplink = new Uplink();
  uplink.queueAudio(BLOCK);
  uplink.queueEvent({ type: "text", text: "hola" });
  const sent = uplink.takeFrames(PLENTY);
  assert.deepEqual(
    sent.map(({ type, sequence, flags }) => [type, sequence, flags]),
    [
      [EVENT, 0, 0],
      [AUDIO_IN, 1, 0],
    ],
  );
  assert.deepEqual(uplink.takeFrames(PLENTY), []);
});

test("audio waits for the budget to the byte, events do not", () => {
  const uplink = new Uplink();
  uplink.queueAudio(BLOCK);
  uplink.queueAudio(BLOCK);
  uplink.queueEvent({ type: "text" });
  assert.deepEqual(
    uplink.takeFrames(2047).map(({ type }) => type),
    [EVENT, AUDIO_IN],
  );
  assert.equal(uplink.takeFrames(1023).length, 0);
  assert.equal(uplink.takeFrames(1024).length, 1);
});

test("a backlog over two seconds drops its oldest block", () => {
  const uplink = new Uplink();
  for (let i = 0; i < BLOCKS_IN_TWO_SECONDS; i++) uplink.queueAudio(BLOCK);
  uplink.takeFrames(0);
  uplink.queueAudio(BLOCK);
  uplink.takeFrames(0);
  const frames = uplink.takeFrames(PLENTY);
  assert.equal(frames.length, BLOCKS_IN_TWO_SECONDS);
  assert.deepEqual([frames[0].position, frames[0].sequence], [512, 0]);
});

test("unacknowledged frames are resent unchanged", () => {
  const uplink = uplinkAfter({ texts: 2, blocks: 2 });
  assert.deepEqual(resentFrom(uplink, 1), [...resent(EVENT, 1), ...resent(AUDIO_IN, 2, 3)]);
  assert.deepEqual(resentFrom(uplink, 3), resent(AUDIO_IN, 3));
  assert.deepEqual(resentFrom(uplink, 4), []);
});

test("a typed text is pending until it is acknowledged", () => {
  const uplink = new Uplink();
  uplink.queueEvent({ type: "heard" });
  uplink.queueText("uno");
  uplink.takeFrames(PLENTY);
  uplink.queueText("dos");
  assert.deepEqual(uplink.pendingTexts, [
    { sequence: 1, text: "uno" },
    { sequence: null, text: "dos" },
  ]);
  uplink.takeFrames(PLENTY);
  uplink.acknowledge(1);
  assert.deepEqual(uplink.pendingTexts, [{ sequence: 2, text: "dos" }]);
  uplink.acknowledge(2);
  assert.deepEqual(uplink.pendingTexts, []);
});

test("an acknowledgement releases all frames up to its sequence", () => {
  const uplink = uplinkAfter({ texts: 2, blocks: 1 });
  uplink.acknowledge(0);
  assert.deepEqual(resentFrom(uplink, 0), [...resent(EVENT, 1), ...resent(AUDIO_IN, 2)]);
  uplink.acknowledge(2);
  assert.deepEqual(resentFrom(uplink, 0), []);
});

test("all events are retained; of the audio, the newest twenty seconds", () => {
  const uplink = uplinkAfter({ texts: 500, blocks: BLOCKS_IN_TWENTY_SECONDS });
  uplink.queueAudio(BLOCK);
  uplink.takeFrames(PLENTY);
  const resentFrames = resentFrom(uplink, 0);
  assert.equal(resentFrames.length, 500 + BLOCKS_IN_TWENTY_SECONDS);
  assert.deepEqual(resentFrames[500], resent(AUDIO_IN, 501)[0]);
});

test("audio recorded offline displaces retained audio, then itself", () => {
  const uplink = uplinkAfter({ blocks: 2 });
  for (let i = 0; i < BLOCKS_IN_TWENTY_SECONDS - 1; i++) uplink.queueAudio(BLOCK);
  uplink.resume(0, { isReloaded: false });
  const sent = uplink.takeFrames(PLENTY);
  assert.deepEqual([sent.length, sent[0].sequence], [BLOCKS_IN_TWENTY_SECONDS, 1]);
  for (let i = 0; i < 2 * BLOCKS_IN_TWENTY_SECONDS; i++) uplink.queueAudio(BLOCK);
  const [oldest, ...newer] = uplink.takeFrames(PLENTY);
  assert.equal(oldest.position, 512 * (2 * BLOCKS_IN_TWENTY_SECONDS + 1));
  assert.equal(newer.length, BLOCKS_IN_TWENTY_SECONDS - 1);
});

test("the backlog of a lost connection may shrink but not grow", () => {
  const uplink = uplinkAfter({ blocks: 0 });
  for (let i = 0; i < 200; i++) uplink.queueAudio(BLOCK);
  uplink.resume(0, { isReloaded: false });
  uplink.takeFrames(0);
  uplink.queueAudio(BLOCK);
  assert.equal(uplink.takeFrames(1024).length, 1);
  uplink.queueAudio(BLOCK);
  uplink.takeFrames(0);
  const frames = uplink.takeFrames(PLENTY);
  assert.equal(frames.length, 200, "one was sent, one dropped");
  assert.equal(frames[0].position, 512 * 2);
});

test("acknowledged audio makes room for new audio", () => {
  const uplink = uplinkAfter({ blocks: BLOCKS_IN_TWENTY_SECONDS });
  uplink.acknowledge(BLOCKS_IN_TWENTY_SECONDS - 1);
  for (let i = 0; i < BLOCKS_IN_TWENTY_SECONDS; i++) uplink.queueAudio(BLOCK);
  assert.equal(uplink.takeFrames(PLENTY).length, BLOCKS_IN_TWENTY_SECONDS);
});

test("sequences continue after a resume; a reloaded page takes the server's", () => {
  const next = (uplink) => {
    uplink.queueEvent({ type: "text" });
    return uplink.takeFrames(PLENTY).at(-1).sequence;
  };
  const known = uplinkAfter({ texts: 3 });
  known.resume(3, { isReloaded: false });
  assert.equal(next(known), 3);
  const reloaded = new Uplink();
  reloaded.resume(57, { isReloaded: true });
  assert.equal(next(reloaded), 57);
  const behind = uplinkAfter({ texts: 3 });
  behind.resume(9, { isReloaded: false });
  assert.equal(next(behind), 9, "a sequence is never used twice");
});

test("frames keep their order across the sequence wrap", () => {
  const uplink = new Uplink();
  uplink.resume(2 ** 32 - 1, { isReloaded: true });
  uplink.queueAudio(BLOCK);
  uplink.queueAudio(BLOCK);
  uplink.takeFrames(PLENTY);
  assert.deepEqual(resentFrom(uplink, 2 ** 32 - 1), resent(AUDIO_IN, 2 ** 32 - 1, 0));
  uplink.acknowledge(2 ** 32 - 1);
  assert.deepEqual(resentFrom(uplink, 0), resent(AUDIO_IN, 0));
});

test("`start` has sequence 0 and is not resent", () => {
  const uplink = new Uplink();
  assert.equal(uplink.createStartFrame({ type: "start" }).sequence, 0);
  assert.equal(uplink.createStartFrame({ type: "start" }).sequence, 0);
  uplink.queueEvent({ type: "text" });
  assert.equal(uplink.takeFrames(PLENTY)[0].sequence, 1);
  assert.deepEqual(resentFrom(uplink, 0), resent(EVENT, 1));
});
