import assert from "node:assert/strict";
import test from "node:test";

import { BLOCK_SAMPLES, PcmEncoder, toPcm16 } from "../../voice/web/static/voice/pcm-encoder.js";
import { tone } from "./signals.js";

/** Encode `audio` in quanta of 128 and return all blocks. */
function encode(audio, contextRateHz) {
  const encoder = new PcmEncoder({ contextRateHz, wireRateHz: 16_000 });
  const blocks = [];
  for (let i = 0; i < audio.length; i += 128)
    blocks.push(...encoder.encode(audio.subarray(i, i + 128)));
  return blocks;
}

test("a second at 44.1 kHz gives the 31 full blocks of 16 kHz", () => {
  const blocks = encode(tone(440, 44_100, 1), 44_100);
  assert.equal(blocks.length, Math.floor(16_000 / BLOCK_SAMPLES));
  assert.ok(blocks.every((block) => block.samples.length === BLOCK_SAMPLES));
});

test("each block has a buffer of its own", () => {
  const buffers = encode(tone(440, 48_000, 0.2), 48_000).map((block) => block.samples.buffer);
  assert.equal(new Set(buffers).size, buffers.length);
});

test("the level of a full-scale sine is its root mean square", () => {
  const [, second] = encode(tone(500, 48_000, 0.2), 48_000);
  assert.ok(Math.abs(second.level - Math.SQRT1_2) < 0.01, String(second.level));
});

test("loud samples are clipped, not wrapped", () => {
  const samples = toPcm16(Float32Array.of(-2, -1, 0, 0.5, 1, 2));
  assert.deepEqual([...samples], [-32_767, -32_767, 0, 16_384, 32_767, 32_767]);
});
