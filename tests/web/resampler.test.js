import assert from "node:assert/strict";
import test from "node:test";

import { Resampler } from "../../voice/web/static/voice/resampler.js";
import { decibels, tone } from "./signals.js";

const RATES_HZ = [
  [48_000, 16_000],
  [44_100, 16_000],
  [96_000, 16_000],
  [8_000, 16_000],
  [24_000, 48_000],
  [24_000, 44_100],
  [24_000, 24_000],
];

/** All of `input` at another rate, written in quanta of `size`, its tail included. */
function resampled(input, fromHz, toHz, size = 128) {
  const resampler = new Resampler(fromHz, toHz);
  const output = new Float32Array(Math.ceil((input.length * toHz) / fromHz) + 1);
  let filled = 0;
  const write = (quantum) => {
    resampler.write(quantum);
    filled = resampler.read(output, filled);
  };
  for (let i = 0; i < input.length; i += size) write(input.subarray(i, i + size));
  write(new Float32Array(resampler.lookahead));
  return output.subarray(0, filled);
}

for (const [fromHz, toHz] of RATES_HZ) {
  test(`a 1 kHz tone keeps position and shape from ${fromHz} to ${toHz} Hz`, () => {
    const actual = resampled(tone(1000, fromHz, 0.5), fromHz, toHz);
    const ideal = tone(1000, toHz, 0.5);
    let error = 0;
    for (let i = 200; i < ideal.length - 200; i++) error += (actual[i] - ideal[i]) ** 2;
    const snr = -decibels(error / (ideal.length - 400) / 0.5);
    assert.ok(snr > 80, `${snr.toFixed(1)} dB`);
  });

  test(`half a second stays half a second from ${fromHz} to ${toHz} Hz`, () => {
    const output = resampled(tone(1000, fromHz, 0.5), fromHz, toHz);
    assert.equal(output.length, toHz / 2);
  });
}

for (const toneHz of [9_000, 10_000, 15_000]) {
  test(`a ${toneHz} Hz tone leaves no alias at 16 kHz`, () => {
    const output = resampled(tone(toneHz, 48_000, 0.5), 48_000, 16_000);
    const power = output.reduce((sum, x) => sum + x * x, 0) / output.length;
    assert.ok(decibels(power / 0.5) < -40, `${decibels(power / 0.5).toFixed(1)} dB`);
  });
}

test("the speech band to 6.5 kHz passes within half a decibel", () => {
  for (const toneHz of [100, 1000, 3500, 6500]) {
    const output = resampled(tone(toneHz, 48_000, 0.5), 48_000, 16_000).subarray(400, -400);
    const power = output.reduce((sum, x) => sum + x * x, 0) / output.length;
    assert.ok(Math.abs(decibels(power / 0.5)) < 0.5, `${toneHz} Hz: ${decibels(power / 0.5)} dB`);
  }
});

test("the quantum size changes no sample", () => {
  const input = tone(700, 44_100, 0.3);
  assert.deepEqual(resampled(input, 44_100, 16_000, 128), resampled(input, 44_100, 16_000, 5000));
});

test("an equal rate passes every sample unchanged", () => {
  const input = tone(440, 24_000, 0.1);
  const output = resampled(input, 24_000, 24_000);
  output.forEach((x, i) => assert.ok(Math.abs(x - input[i]) < 1e-6));
});

test("`needed` is exactly enough; one sample less is too few", () => {
  for (const [fromHz, toHz] of RATES_HZ) {
    const resampler = new Resampler(fromHz, toHz);
    for (const count of [1, 127, 128, 64]) {
      const needed = resampler.needed(count);
      if (needed === 0) continue;
      resampler.write(new Float32Array(needed - 1));
      const output = new Float32Array(count);
      const short = resampler.read(output);
      assert.ok(short < count);
      resampler.write(new Float32Array(1));
      assert.equal(resampler.read(output, short), count);
      assert.equal(resampler.needed(0), 0);
    }
  }
});

test("`position` is the input sample of the next output", () => {
  const resampler = new Resampler(24_000, 48_000);
  resampler.write(new Float32Array(resampler.needed(256)));
  resampler.read(new Float32Array(256));
  assert.equal(resampler.position, 128);
  resampler.reset();
  assert.equal(resampler.position, 0);
});
