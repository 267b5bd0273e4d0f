import assert from "node:assert/strict";
import test from "node:test";

import { BLOCK_SAMPLES, Recorder, pcm16 } from "../../voice/web/static/voice/recorder.js";
import { tone } from "./signals.js";

/** All blocks of `sound`, pushed in quanta of 128. */
function recorded(sound, contextRateHz) {
  const recorder = new Recorder({ contextRateHz, wireRateHz: 16_000 });
  const blocks = [];
  for (let i = 0; i < sound.length; i += 128)
    blocks.push(...recorder.push(sound.subarray(i, i + 128)));
  return blocks;
}

test("a second at 44.1 kHz makes the 31 full blocks of 16 kHz, no sample more", () => {
  const blocks = recorded(tone(440, 44_100, 1), 44_100);
  assert.equal(blocks.length, Math.floor(16_000 / BLOCK_SAMPLES));
  assert.ok(blocks.every((block) => block.samples.length === BLOCK_SAMPLES));
});

test("each block has a buffer of its own, to be handed over", () => {
  const buffers = recorded(tone(440, 48_000, 0.2), 48_000).map((block) => block.samples.buffer);
  assert.equal(new Set(buffers).size, buffers.length);
});

test("the level of a full sine is its root mean square", () => {
  const [, second] = recorded(tone(500, 48_000, 0.2), 48_000);
  assert.ok(Math.abs(second.level - Math.SQRT1_2) < 0.01, String(second.level));
});

test("what is too loud is clipped, not wrapped", () => {
  const samples = pcm16(Float32Array.of(-2, -1, 0, 0.5, 1, 2));
  assert.deepEqual([...samples], [-32_767, -32_767, 0, 16_384, 32_767, 32_767]);
});

test("another microphone begins with an empty block", () => {
  const recorder = new Recorder({ contextRateHz: 16_000, wireRateHz: 16_000 });
  assert.equal(recorder.push(new Float32Array(BLOCK_SAMPLES).fill(1)).length, 0);
  recorder.reset();
  const [block] = recorder.push(new Float32Array(BLOCK_SAMPLES + 40));
  assert.ok(block.samples.every((sample) => sample === 0));
});
