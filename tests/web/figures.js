/** Print the figures of docs/page.md: `node tests/web/figures.js`. */
import { Player } from "../../voice/web/static/voice/player.js";
import { PcmEncoder } from "../../voice/web/static/voice/pcm-encoder.js";
import { Resampler } from "../../voice/web/static/voice/resampler.js";
import { decibels, tone } from "./signals.js";

const QUANTA = 20_000;
const SECONDS = 0.5;

/** Return half a second of a tone at another rate. */
function resampled(toneHz, fromHz, toHz) {
  const resampler = new Resampler(fromHz, toHz);
  resampler.write(tone(toneHz, fromHz, SECONDS));
  resampler.write(new Float32Array(resampler.lookahead));
  const output = new Float32Array(toHz * SECONDS + 1);
  return output.subarray(0, resampler.read(output));
}

function signalToError(fromHz, toHz) {
  const ideal = tone(1000, toHz, SECONDS).subarray(200, -200);
  const actual = resampled(1000, fromHz, toHz).subarray(200);
  const error = ideal.reduce((sum, x, i) => sum + (x - actual[i]) ** 2, 0);
  return -decibels(error / ideal.length / 0.5);
}

function aliasLevel(toneHz) {
  const output = resampled(toneHz, 48_000, 16_000).subarray(400, -400);
  return decibels(output.reduce((sum, x) => sum + x * x, 0) / output.length / 0.5);
}

function microsecondsPerQuantum(work) {
  for (let i = 0; i < QUANTA / 10; i++) work(i);
  const before = process.cpuUsage();
  for (let i = 0; i < QUANTA; i++) work(i);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / QUANTA;
}

function playbackWork() {
  const player = new Player({ sourceRateHz: 24_000, contextRateHz: 48_000 });
  const samples = Int16Array.from(tone(300, 24_000, 300), (x) => 9000 * x);
  player.receive({ samples, generation: 0, position: 0, isFirst: true, isLast: false });
  const output = new Float32Array(128);
  return (i) => {
    player.render(output, i * 2.67);
    player.takeReport();
  };
}

function captureWork() {
  const encoder = new PcmEncoder({ contextRateHz: 48_000, wireRateHz: 16_000 });
  const quantum = new Float32Array(128).fill(0.1);
  return () => encoder.encode(quantum);
}

for (const [fromHz, toHz] of [
  [48_000, 16_000],
  [44_100, 16_000],
  [24_000, 48_000],
  [24_000, 44_100],
]) {
  console.log(`${fromHz} -> ${toHz} Hz: ${signalToError(fromHz, toHz).toFixed(1)} dB`);
}
for (const toneHz of [8500, 9000, 10_000, 12_000, 15_000]) {
  console.log(`alias of ${toneHz} Hz: ${aliasLevel(toneHz).toFixed(1)} dB`);
}
console.log(`playback: ${microsecondsPerQuantum(playbackWork()).toFixed(1)} us per quantum`);
console.log(`capture: ${microsecondsPerQuantum(captureWork()).toFixed(1)} us per quantum`);
