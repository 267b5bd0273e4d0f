import assert from "node:assert/strict";
import test from "node:test";

import { Uplink } from "../../voice/web/static/voice/uplink.js";
import { FrameFlag, FrameType } from "../../voice/web/static/voice/wire.js";

const PLENTY = 1_000_000;
const BLOCK = new Int16Array(512);
const BLOCKS_IN_TWO_SECONDS = 62;
const BLOCKS_IN_TWENTY_SECONDS = 625;
const { AUDIO_IN, EVENT } = FrameType;

/** An uplink that has said this many texts and blocks, in this order. */
function having({ texts = 0, blocks = 0 }) {
  const uplink = new Uplink();
  for (let i = 0; i < texts; i++) uplink.say({ type: "text", text: String(i) });
  for (let i = 0; i < blocks; i++) uplink.record(BLOCK);
  uplink.take(PLENTY);
  return uplink;
}

function repeated(uplink, sequence, who = { isNewcomer: false }) {
  uplink.resume(sequence, who);
  return uplink.take(PLENTY).map((sent) => [sent.type, sent.sequence, sent.flags]);
}

function again(type, ...sequences) {
  return sequences.map((sequence) => [type, sequence, FrameFlag.RESENT]);
}

test("events go before sound, each with the next number", () => {
  const uplink = new Uplink();
  uplink.record(BLOCK);
  uplink.say({ type: "text", text: "hola" });
  const sent = uplink.take(PLENTY);
  assert.deepEqual(
    sent.map(({ type, sequence, flags }) => [type, sequence, flags]),
    [
      [EVENT, 0, 0],
      [AUDIO_IN, 1, 0],
    ],
  );
  assert.deepEqual(uplink.take(PLENTY), []);
});

test("sound waits for room to the byte, events don't", () => {
  const uplink = new Uplink();
  uplink.record(BLOCK);
  uplink.record(BLOCK);
  uplink.say({ type: "text" });
  assert.deepEqual(
    uplink.take(2047).map(({ type }) => type),
    [EVENT, AUDIO_IN],
  );
  assert.equal(uplink.take(1023).length, 0);
  assert.equal(uplink.take(1024).length, 1);
});

test("of more than two seconds waiting the oldest is given up, and the position shows it", () => {
  const uplink = new Uplink();
  for (let i = 0; i < BLOCKS_IN_TWO_SECONDS; i++) uplink.record(BLOCK);
  uplink.take(0);
  assert.equal(uplink.droppedBlocks, 0);
  uplink.record(BLOCK);
  uplink.take(0);
  assert.equal(uplink.droppedBlocks, 1);
  const [first] = uplink.take(PLENTY);
  assert.deepEqual([first.position, first.sequence], [512, 0]);
});

test("what was not acknowledged is said again as it was", () => {
  const uplink = having({ texts: 2, blocks: 2 });
  assert.deepEqual(repeated(uplink, 1), [...again(EVENT, 1), ...again(AUDIO_IN, 2, 3)]);
  assert.deepEqual(repeated(uplink, 3), again(AUDIO_IN, 3));
  assert.deepEqual(repeated(uplink, 4), []);
});

test("what was typed is unsaid until it is acknowledged", () => {
  const uplink = new Uplink();
  uplink.say({ type: "heard" });
  uplink.type("uno");
  uplink.take(PLENTY);
  uplink.type("dos");
  assert.deepEqual(uplink.unsaidTexts, [
    { sequence: 1, text: "uno" },
    { sequence: null, text: "dos" },
  ]);
  uplink.take(PLENTY);
  uplink.acknowledged(1);
  assert.deepEqual(uplink.unsaidTexts, [{ sequence: 2, text: "dos" }]);
  uplink.acknowledged(2);
  assert.deepEqual(uplink.unsaidTexts, []);
});

test("an acknowledgement lets go of everything up to its number", () => {
  const uplink = having({ texts: 2, blocks: 1 });
  uplink.acknowledged(0);
  assert.deepEqual(repeated(uplink, 0), [...again(EVENT, 1), ...again(AUDIO_IN, 2)]);
  uplink.acknowledged(2);
  assert.deepEqual(repeated(uplink, 0), []);
});

test("events are kept however many they are, sound only while it is among the newest twenty seconds", () => {
  const uplink = having({ texts: 500, blocks: BLOCKS_IN_TWENTY_SECONDS });
  uplink.record(BLOCK);
  uplink.take(PLENTY);
  const kept = repeated(uplink, 0);
  assert.equal(kept.length, 500 + BLOCKS_IN_TWENTY_SECONDS);
  assert.deepEqual(kept[500], again(AUDIO_IN, 501)[0]);
  assert.equal(uplink.droppedBlocks, 0, "it was sent once");
});

test("sound recorded while there is no connection pushes out what was kept, then itself", () => {
  const uplink = having({ blocks: 2 });
  for (let i = 0; i < BLOCKS_IN_TWENTY_SECONDS - 1; i++) uplink.record(BLOCK);
  assert.equal(uplink.droppedBlocks, 0);
  uplink.resume(0, { isNewcomer: false });
  const sent = uplink.take(PLENTY);
  assert.deepEqual([sent.length, sent[0].sequence], [BLOCKS_IN_TWENTY_SECONDS, 1]);
  for (let i = 0; i < 2 * BLOCKS_IN_TWENTY_SECONDS; i++) uplink.record(BLOCK);
  assert.equal(uplink.droppedBlocks, BLOCKS_IN_TWENTY_SECONDS);
});

test("what waited for the connection may be sent as slowly as it goes, but may not get more again", () => {
  const uplink = having({ blocks: 0 });
  for (let i = 0; i < 200; i++) uplink.record(BLOCK);
  uplink.resume(0, { isNewcomer: false });
  uplink.take(0);
  assert.equal(uplink.droppedBlocks, 0);
  uplink.record(BLOCK);
  uplink.take(1024);
  assert.equal(uplink.droppedBlocks, 0);
  uplink.record(BLOCK);
  uplink.take(0);
  assert.equal(uplink.droppedBlocks, 1);
});

test("what was acknowledged leaves its room to what comes", () => {
  const uplink = having({ blocks: BLOCKS_IN_TWENTY_SECONDS });
  uplink.acknowledged(BLOCKS_IN_TWENTY_SECONDS - 1);
  for (let i = 0; i < BLOCKS_IN_TWENTY_SECONDS; i++) uplink.record(BLOCK);
  assert.equal(uplink.droppedBlocks, 0);
});

test("numbers go on after a resumption, and a newcomer takes the server's", () => {
  const next = (uplink) => {
    uplink.say({ type: "text" });
    return uplink.take(PLENTY).at(-1).sequence;
  };
  const known = having({ texts: 3 });
  known.resume(3, { isNewcomer: false });
  assert.equal(next(known), 3);
  const newcomer = new Uplink();
  newcomer.resume(57, { isNewcomer: true });
  assert.equal(next(newcomer), 57);
  const behind = having({ texts: 3 });
  behind.resume(9, { isNewcomer: false });
  assert.equal(next(behind), 9, "a number is never used twice");
});

test("where the numbers wrap, old and new keep their order", () => {
  const uplink = new Uplink();
  uplink.resume(2 ** 32 - 1, { isNewcomer: true });
  uplink.record(BLOCK);
  uplink.record(BLOCK);
  uplink.take(PLENTY);
  assert.deepEqual(repeated(uplink, 2 ** 32 - 1), again(AUDIO_IN, 2 ** 32 - 1, 0));
  uplink.acknowledged(2 ** 32 - 1);
  assert.deepEqual(repeated(uplink, 0), again(AUDIO_IN, 0));
});

test("`start` has number 0 and is not said again", () => {
  const uplink = new Uplink();
  assert.equal(uplink.start({ type: "start" }).sequence, 0);
  assert.equal(uplink.start({ type: "start" }).sequence, 0);
  uplink.say({ type: "text" });
  assert.equal(uplink.take(PLENTY)[0].sequence, 1);
  assert.deepEqual(repeated(uplink, 0), again(EVENT, 1));
});
