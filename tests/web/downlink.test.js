import assert from "node:assert/strict";
import test from "node:test";

import { Downlink } from "../../voice/web/static/voice/downlink.js";
import { FrameFlag, FrameType, decodeFrame, encodeFrame } from "../../voice/web/static/voice/wire.js";

const PLAYING = { state: "playing", generation: 0, position: 0 };
const IDLE = { ...PLAYING, state: "idle" };
const { RESENT } = FrameFlag;

/** A frame of speech, 2 samples long. */
function sound(header) {
  const type = FrameType.AUDIO_OUT;
  return decodeFrame(encodeFrame({ type, ...header }, Uint8Array.of(1, 0, 2, 0)));
}

test("a frame that came before is passed over, a gap is counted", () => {
  const downlink = new Downlink();
  assert.equal(downlink.receive(sound({ sequence: 4 })), true);
  assert.equal(downlink.missedFrames, 4);
  assert.equal(downlink.receive(sound({ sequence: 4 })), false);
  assert.equal(downlink.receive(sound({ sequence: 3, flags: RESENT })), false);
  assert.equal(downlink.receive(sound({ sequence: 5 })), true);
  assert.equal(downlink.missedFrames, 4);
  assert.equal(downlink.progress.sequence, 6);
});

test("where the numbers wrap, the next one is 0", () => {
  const downlink = new Downlink();
  downlink.resume({ generation: 0, isNewcomer: true, isRestored: false });
  downlink.receive(sound({ sequence: 2 ** 32 - 1 }));
  assert.equal(downlink.progress.sequence, 0);
  assert.equal(downlink.receive(sound({ sequence: 0 })), true);
});

test("only a newcomer takes old numbers, and only what is marked as sent again", () => {
  const downlink = new Downlink();
  downlink.resume({ generation: 0, isNewcomer: true, isRestored: false });
  assert.equal(downlink.receive(sound({ sequence: 100 })), true);
  assert.equal(downlink.receive(sound({ sequence: 50, flags: RESENT })), true);
  assert.equal(downlink.receive(sound({ sequence: 50 })), false);
  assert.equal(downlink.progress.sequence, 101);
  downlink.resume({ generation: 0, isNewcomer: false, isRestored: false });
  assert.equal(downlink.receive(sound({ sequence: 50, flags: RESENT })), false);
});

test("what is heard is acknowledged every 250 ms", () => {
  const downlink = new Downlink();
  downlink.receive(sound({ sequence: 0 }));
  downlink.played({ ...PLAYING, position: 6000 });
  assert.deepEqual(downlink.takeAck(1000), { sequence: 0, generation: 0, position: 6000 });
  downlink.played({ ...PLAYING, position: 11_000 });
  assert.equal(downlink.takeAck(1249), null);
  assert.equal(downlink.takeAck(1250).position, 11_000);
  assert.equal(downlink.takeAck(9000), null, "there is nothing new to tell");
});

test("the end of a reply and a flush are acknowledged at once", () => {
  const downlink = new Downlink();
  downlink.played(PLAYING);
  downlink.takeAck(1000);
  downlink.played({ ...IDLE, position: 2000 });
  assert.equal(downlink.takeAck(1001).position, 2000);
  downlink.played({ ...IDLE, generation: 1, position: 2000 });
  assert.deepEqual(downlink.takeAck(1002), { sequence: 0, generation: 1, position: 2000 });
  downlink.played({ ...IDLE, generation: 1, position: 9000 });
  assert.equal(downlink.takeAck(1003), null, "what is passed over in silence can wait");
  assert.equal(downlink.takeAck(1252).position, 9000);
});

test("what comes in silence is acknowledged within a second", () => {
  const downlink = new Downlink();
  downlink.receive(sound({ sequence: 0 }));
  assert.deepEqual(downlink.takeAck(1000), { sequence: 0, generation: 0, position: 0 });
  downlink.receive(sound({ sequence: 1 }));
  assert.equal(downlink.takeAck(1999), null);
  assert.equal(downlink.takeAck(2000).sequence, 1);
});

test("before anything is played, what was heard before is what was heard", () => {
  const downlink = new Downlink({ heardBefore: 4800 });
  assert.deepEqual(downlink.progress, { sequence: 0, generation: 0, position: 4800 });
  downlink.receive(sound({ sequence: 7 }));
  assert.equal(downlink.takeAck(1000).position, 4800);
});

test("something is to be heard from when it comes until it was heard, or dropped", () => {
  const downlink = new Downlink();
  assert.equal(downlink.isSounding, false);
  downlink.chunkOf(sound({ position: 100 }));
  assert.equal(downlink.isSounding, true, "the speaker hasn't even said that it has it");
  downlink.played({ ...IDLE, position: 101 });
  assert.equal(downlink.isSounding, true, "the speaker was idle before it came");
  downlink.played({ ...PLAYING, position: 102 });
  assert.equal(downlink.isSounding, true);
  downlink.played({ ...IDLE, position: 102 });
  assert.equal(downlink.isSounding, false);
  downlink.chunkOf(sound({ position: 102 }));
  downlink.flushed(1);
  assert.equal(downlink.isSounding, false);
});
