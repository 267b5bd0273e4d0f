import assert from "node:assert/strict";
import test from "node:test";

import { Downlink } from "../../voice/web/static/voice/downlink.js";
import {
  FrameFlag,
  FrameType,
  decodeFrame,
  encodeFrame,
} from "../../voice/web/static/voice/wire.js";

const PLAYING = { state: "playing", generation: 0, position: 0 };
const IDLE = { ...PLAYING, state: "idle" };
const { RESENT } = FrameFlag;

/** A frame with 2 samples of audio. */
function audioFrame(header) {
  const type = FrameType.AUDIO_OUT;
  return decodeFrame(encodeFrame({ type, ...header }, Uint8Array.of(1, 0, 2, 0)));
}

test("a frame that has arrived before is rejected, a gap is not", () => {
  const downlink = new Downlink();
  assert.equal(downlink.accept(audioFrame({ sequence: 4 })), true);
  assert.equal(downlink.accept(audioFrame({ sequence: 4 })), false);
  assert.equal(downlink.accept(audioFrame({ sequence: 3, flags: RESENT })), false);
  assert.equal(downlink.accept(audioFrame({ sequence: 5 })), true);
  assert.equal(downlink.progress.sequence, 6);
});

test("the sequence after the wrap is 0", () => {
  const downlink = new Downlink();
  downlink.resume({ generation: 0, isReloaded: true, isRestored: false });
  downlink.accept(audioFrame({ sequence: 2 ** 32 - 1 }));
  assert.equal(downlink.progress.sequence, 0);
  assert.equal(downlink.accept(audioFrame({ sequence: 0 })), true);
});

test("only a reloaded page accepts old sequences, and only RESENT ones", () => {
  const downlink = new Downlink();
  downlink.resume({ generation: 0, isReloaded: true, isRestored: false });
  assert.equal(downlink.accept(audioFrame({ sequence: 100 })), true);
  assert.equal(downlink.accept(audioFrame({ sequence: 50, flags: RESENT })), true);
  assert.equal(downlink.accept(audioFrame({ sequence: 50 })), false);
  assert.equal(downlink.progress.sequence, 101);
  downlink.resume({ generation: 0, isReloaded: false, isRestored: false });
  assert.equal(downlink.accept(audioFrame({ sequence: 50, flags: RESENT })), false);
});

test("the played position is acknowledged every 250 ms", () => {
  const downlink = new Downlink();
  downlink.accept(audioFrame({ sequence: 0 }));
  downlink.onPlayerReport({ ...PLAYING, position: 6000 });
  assert.deepEqual(downlink.takeAck(1000), { sequence: 0, generation: 0, position: 6000 });
  downlink.onPlayerReport({ ...PLAYING, position: 11_000 });
  assert.equal(downlink.takeAck(1249), null);
  assert.equal(downlink.takeAck(1250).position, 11_000);
  assert.equal(downlink.takeAck(9000), null, "nothing new to acknowledge");
});

test("the end of a reply and a flush are acknowledged at once", () => {
  const downlink = new Downlink();
  downlink.onPlayerReport(PLAYING);
  downlink.takeAck(1000);
  downlink.onPlayerReport({ ...IDLE, position: 2000 });
  assert.equal(downlink.takeAck(1001).position, 2000);
  downlink.onPlayerReport({ ...IDLE, generation: 1, position: 2000 });
  assert.deepEqual(downlink.takeAck(1002), { sequence: 0, generation: 1, position: 2000 });
  downlink.onPlayerReport({ ...IDLE, generation: 1, position: 9000 });
  assert.equal(downlink.takeAck(1003), null, "skipped audio can wait");
  assert.equal(downlink.takeAck(1252).position, 9000);
});

test("frames that arrive in silence are acknowledged within a second", () => {
  const downlink = new Downlink();
  downlink.accept(audioFrame({ sequence: 0 }));
  assert.deepEqual(downlink.takeAck(1000), { sequence: 0, generation: 0, position: 0 });
  downlink.accept(audioFrame({ sequence: 1 }));
  assert.equal(downlink.takeAck(1999), null);
  assert.equal(downlink.takeAck(2000).sequence, 1);
});

test("before any report, the initial position is the played one", () => {
  const downlink = new Downlink({ initialPosition: 4800 });
  assert.deepEqual(downlink.progress, { sequence: 0, generation: 0, position: 4800 });
  downlink.accept(audioFrame({ sequence: 7 }));
  assert.equal(downlink.takeAck(1000).position, 4800);
});

test("audio is unplayed from its arrival until it is played or flushed", () => {
  const downlink = new Downlink();
  assert.equal(downlink.hasUnplayedAudio, false);
  downlink.receiveAudio(audioFrame({ position: 100 }));
  assert.equal(downlink.hasUnplayedAudio, true, "the player has yet to report");
  downlink.onPlayerReport({ ...IDLE, position: 101 });
  assert.equal(downlink.hasUnplayedAudio, true, "the player was idle before it arrived");
  downlink.onPlayerReport({ ...PLAYING, position: 102 });
  assert.equal(downlink.hasUnplayedAudio, true);
  downlink.onPlayerReport({ ...IDLE, position: 102 });
  assert.equal(downlink.hasUnplayedAudio, false);
  downlink.receiveAudio(audioFrame({ position: 102 }));
  downlink.flush(1);
  assert.equal(downlink.hasUnplayedAudio, false);
});
