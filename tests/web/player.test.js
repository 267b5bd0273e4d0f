import assert from "node:assert/strict";
import test from "node:test";

import { Player } from "../../voice/web/static/voice/player.js";
import { decibels, tone, tone16 } from "./signals.js";

const SOURCE_HZ = 24_000;
const CONTEXT_HZ = 48_000;
const QUANTUM = 128;
const QUANTUM_MS = (QUANTUM / CONTEXT_HZ) * 1000;
const CHUNK = 960; // 40 ms

/** A player with its clock, and all it has played and reported. */
class PlaybackHarness {
  player = new Player({ sourceRateHz: SOURCE_HZ, contextRateHz: CONTEXT_HZ });
  nowMs = 0;
  position = 0;
  played = [];
  reports = [];

  send(
    samples,
    { generation = 0, isFirst = false, isLast = false, position = this.position } = {},
  ) {
    this.player.receive({ samples, generation, position, isFirst, isLast });
    this.position = position + samples.length;
  }

  sendReply(samples, { generation = 0 } = {}) {
    for (let i = 0; i < samples.length; i += CHUNK) {
      const isLast = i + CHUNK >= samples.length;
      this.send(samples.subarray(i, i + CHUNK), { generation, isFirst: i === 0, isLast });
    }
  }

  render(durationMs) {
    const untilMs = this.nowMs + durationMs;
    while (this.nowMs < untilMs - 1e-6) {
      const output = new Float32Array(QUANTUM);
      this.player.render(output, this.nowMs);
      this.played.push(...output);
      const report = this.player.takeReport();
      if (report !== null) this.reports.push(report);
      this.nowMs += QUANTUM_MS;
    }
    return this;
  }

  get lastReport() {
    return this.reports.at(-1);
  }

  states() {
    return this.reports.map((r) => r.state).filter((s, i, all) => s !== all[i - 1]);
  }
}

test("a reply is played to the sample, then reported as played", () => {
  const harness = new PlaybackHarness();
  harness.sendReply(tone16(1000, SOURCE_HZ, 0.5));
  harness.render(700);
  const ideal = tone(1000, CONTEXT_HZ, 0.5).map((x) => x / 2);
  let error = 0;
  for (let i = 200; i < ideal.length - 200; i++) error += (harness.played[i] - ideal[i]) ** 2;
  assert.ok(decibels(error / (ideal.length - 400) / 0.125) < -70);
  assert.ok(harness.played.slice(ideal.length + 300).every((x) => x === 0));
  assert.deepEqual(harness.states(), ["playing", "idle"]);
  assert.equal(harness.lastReport.position, 12_000);
  assert.equal(harness.lastReport.stalls, 0);
});

test("playback waits for 60 ms of audio", () => {
  const harness = new PlaybackHarness();
  harness.send(tone16(1000, SOURCE_HZ, 0.059), { isFirst: true });
  harness.render(100);
  assert.deepEqual(harness.states(), ["buffering"]);
  harness.send(tone16(1000, SOURCE_HZ, 0.001));
  harness.render(10);
  assert.deepEqual(harness.states(), ["buffering", "playing"]);
});

test("a reply shorter than the target plays once its end has arrived", () => {
  const harness = new PlaybackHarness();
  harness.sendReply(tone16(1000, SOURCE_HZ, 0.02));
  harness.render(50);
  assert.deepEqual(harness.states(), ["playing", "idle"]);
  assert.equal(harness.lastReport.position, 480);
});

test("an empty last chunk ends a reply, also one without audio", () => {
  const harness = new PlaybackHarness();
  harness.send(tone16(1000, SOURCE_HZ, 0.02), { isFirst: true });
  harness.send(new Int16Array(), { isLast: true });
  harness.render(50);
  assert.equal(harness.lastReport.state, "idle");
  harness.send(new Int16Array(), { isFirst: true, isLast: true });
  harness.render(50);
  assert.equal(harness.lastReport.state, "idle");
  assert.equal(harness.lastReport.position, 480);
});

test("a burst of many seconds is played whole", () => {
  const harness = new PlaybackHarness();
  harness.sendReply(tone16(300, SOURCE_HZ, 20));
  harness.render(20_100);
  assert.equal(harness.lastReport.position, 480_000);
  assert.equal(harness.lastReport.stalls, 0);
});

test("an empty buffer stalls: audio fades out, waits, and loses nothing", () => {
  const harness = new PlaybackHarness();
  harness.send(tone16(1000, SOURCE_HZ, 0.1), { isFirst: true });
  harness.render(200);
  assert.equal(harness.lastReport.state, "stalled");
  assert.ok(harness.played.slice(-100).every((x) => x === 0));
  harness.send(tone16(1000, SOURCE_HZ, 0.1), { isLast: true });
  harness.render(200);
  assert.deepEqual(harness.states(), ["playing", "stalled", "playing", "idle"]);
  assert.equal(harness.lastReport.position, 4800);
  assert.equal(harness.lastReport.stalls, 1);
  assert.ok(Math.abs(harness.lastReport.stalledMs - 100) < 5, String(harness.lastReport.stalledMs));
});

test("no cut clicks: no step is steeper than the tone's own", () => {
  const harness = new PlaybackHarness();
  const loud = tone16(200, SOURCE_HZ, 0.1).map((x) => x * 1.9);
  harness.send(loud, { isFirst: true });
  harness.render(200);
  harness.send(loud);
  harness.render(50);
  harness.player.flush(1);
  harness.render(50);
  const steps = harness.played.slice(1).map((x, i) => Math.abs(x - harness.played[i]));
  assert.ok(Math.max(...steps) < 0.03, String(Math.max(...steps)));
});

test("a flush silences within 5 ms and keeps the played position", () => {
  const harness = new PlaybackHarness();
  harness.sendReply(tone16(1000, SOURCE_HZ, 6));
  harness.render(1000);
  harness.player.flush(1);
  harness.render(5.4);
  const after = harness.render(200).played.slice(-QUANTUM * 70);
  assert.ok(after.every((x) => x === 0));
  assert.equal(harness.lastReport.state, "idle");
  assert.equal(harness.lastReport.generation, 1);
  assert.ok(
    Math.abs(harness.lastReport.position - 24_000) <= 64,
    String(harness.lastReport.position),
  );
});

test("audio older than a flush is dropped, also across the counter's wrap", () => {
  const harness = new PlaybackHarness();
  harness.player.flush(40_000);
  harness.player.flush(65_535);
  harness.player.flush(0);
  harness.send(tone16(1000, SOURCE_HZ, 0.2), { generation: 65_535, isFirst: true });
  harness.render(100);
  assert.equal(harness.lastReport.state, "idle");
  harness.send(tone16(1000, SOURCE_HZ, 0.2), { generation: 0, isFirst: true });
  harness.render(100);
  assert.equal(harness.lastReport.state, "playing");
});

test("the reply after a flush plays from its own position", () => {
  const harness = new PlaybackHarness();
  harness.sendReply(tone16(1000, SOURCE_HZ, 2));
  harness.render(500);
  harness.player.flush(1);
  harness.position = 48_000;
  harness.sendReply(tone16(1000, SOURCE_HZ, 0.1), { generation: 1 });
  harness.render(200);
  assert.equal(harness.lastReport.position, 50_400);
});

test("skipping drops the rest of this reply as played, not the next one", () => {
  const harness = new PlaybackHarness();
  const speech = tone16(1000, SOURCE_HZ, 0.5);
  harness.send(speech, { isFirst: true });
  harness.render(100);
  harness.player.skipReply();
  harness.send(speech);
  harness.send(speech, { isLast: true });
  harness.render(100);
  assert.equal(harness.lastReport.state, "idle");
  assert.equal(harness.lastReport.position, 36_000);
  harness.sendReply(speech);
  harness.render(600);
  assert.equal(harness.lastReport.position, 48_000);
  assert.deepEqual(harness.states(), ["playing", "idle", "playing", "idle"]);
});

test("skipping a reply that has arrived whole leaves the next one alone", () => {
  const harness = new PlaybackHarness();
  harness.sendReply(tone16(1000, SOURCE_HZ, 1));
  harness.render(100);
  harness.player.skipReply();
  harness.send(tone16(1000, SOURCE_HZ, 0.1)); // without FIRST
  harness.render(20);
  assert.equal(harness.lastReport.state, "playing");
});

test("skipping without a reply does nothing", () => {
  const harness = new PlaybackHarness();
  harness.player.skipReply();
  harness.sendReply(tone16(1000, SOURCE_HZ, 0.1));
  harness.render(50);
  assert.equal(harness.lastReport.state, "playing");
});

test("two buffered replies play one after the other", () => {
  const harness = new PlaybackHarness();
  harness.sendReply(tone16(1000, SOURCE_HZ, 0.2));
  harness.sendReply(tone16(1000, SOURCE_HZ, 0.2));
  harness.render(600);
  assert.equal(harness.lastReport.position, 9600);
  assert.deepEqual(harness.states(), ["playing", "buffering", "playing", "idle"]);
});

test("a gap in positions is skipped", () => {
  const harness = new PlaybackHarness();
  harness.send(tone16(1000, SOURCE_HZ, 0.1), { isFirst: true });
  harness.send(tone16(1000, SOURCE_HZ, 0.1), { isLast: true, position: 5000 });
  harness.render(300);
  assert.equal(harness.lastReport.position, 7400);
});

/** Send 200 ms of tone and 200 ms of silence, over and over, at the pace of speech. */
function pacedReply(harness, seconds, stallAtMs, stallMs) {
  const sound = tone16(500, SOURCE_HZ, 0.04);
  const pause = new Int16Array(CHUNK);
  let sent = 0;
  for (let ms = 0; ms < seconds * 1000; ms += 40) {
    const due = ms < stallAtMs || ms >= stallAtMs + stallMs ? ms / 40 + 1 : sent;
    for (; sent < due; sent++) {
      harness.send(Math.floor(sent / 5) % 2 ? pause : sound, { isFirst: sent === 0 });
    }
    harness.render(40);
  }
}

test("after a stall of a paced source, silences are trimmed", () => {
  const harness = new PlaybackHarness();
  pacedReply(harness, 6, 2000, 400);
  const { stalls, trimmedMs, bufferedMs, targetMs } = harness.lastReport;
  assert.ok(stalls >= 1);
  assert.ok(trimmedMs > 0, "nothing was trimmed");
  assert.ok(bufferedMs <= targetMs + 80 + 50, `${bufferedMs} ms buffered, target ${targetMs}`);
});

test("pauses of a source that never stalls are not trimmed", () => {
  const harness = new PlaybackHarness();
  pacedReply(harness, 4, Infinity, 0);
  assert.equal(harness.lastReport.trimmedMs, 0);
});

test("reports come at changes, and every 50 ms unless idle", () => {
  const harness = new PlaybackHarness();
  harness.render(500);
  assert.equal(harness.reports.length, 0);
  harness.sendReply(tone16(1000, SOURCE_HZ, 1));
  harness.render(1000);
  assert.ok(harness.reports.length >= 19 && harness.reports.length <= 22);
  assert.ok(Math.abs(harness.reports[5].level - 0.3535) < 0.02);
});

// Reported starts and ends

function startedReplies(harness) {
  return harness.reports.map((r) => r.startedReply).filter((start) => start !== null);
}

test("each reply's start is reported once, with its quantum's time", () => {
  const harness = new PlaybackHarness();
  harness.render(100);
  harness.sendReply(tone16(1000, SOURCE_HZ, 0.2));
  harness.render(300);
  harness.sendReply(tone16(1000, SOURCE_HZ, 0.2));
  harness.render(300);
  const [first, second, ...more] = startedReplies(harness);
  assert.equal(first.position, 0);
  assert.ok(Math.abs(first.atMs - 100) < 2 * QUANTUM_MS, String(first.atMs));
  assert.equal(second.position, 4800);
  assert.ok(Math.abs(second.atMs - 400) < 2 * QUANTUM_MS, String(second.atMs));
  assert.deepEqual(more, []);
});

test("a reply behind another one starts after it", () => {
  const harness = new PlaybackHarness();
  harness.sendReply(tone16(1000, SOURCE_HZ, 0.2));
  harness.sendReply(tone16(1000, SOURCE_HZ, 0.2));
  harness.render(600);
  const [, second] = startedReplies(harness);
  assert.equal(second.position, 4800);
  assert.ok(second.atMs >= 200 && second.atMs < 230, String(second.atMs));
});

test("a reply that is flushed or empty is not reported as started", () => {
  const harness = new PlaybackHarness();
  harness.send(tone16(1000, SOURCE_HZ, 0.05), { isFirst: true });
  harness.render(50);
  harness.player.flush(1);
  harness.render(50);
  harness.send(new Int16Array(), { generation: 1, isFirst: true, isLast: true });
  harness.render(50);
  assert.deepEqual(startedReplies(harness), []);
});

test("finish is reported after the last sample, with or without LAST", () => {
  const harness = new PlaybackHarness();
  harness.send(tone16(1000, SOURCE_HZ, 0.02), { isFirst: true });
  harness.render(50);
  harness.player.finish();
  harness.render(10);
  assert.equal(harness.lastReport.isFinished, false);
  harness.render(50);
  assert.deepEqual([harness.lastReport.isFinished, harness.lastReport.position], [true, 480]);
});

test("finish without audio is reported at once", () => {
  const harness = new PlaybackHarness();
  harness.player.finish();
  harness.render(QUANTUM_MS);
  assert.equal(harness.lastReport.isFinished, true);
});

// Stream resets

test("a stream reset plays what has arrived of a reply to its end", () => {
  const harness = new PlaybackHarness();
  harness.player.flush(5);
  harness.send(tone16(1000, SOURCE_HZ, 0.1), { generation: 5, isFirst: true });
  harness.render(200);
  assert.equal(harness.lastReport.state, "stalled");
  harness.player.resetStream({ generation: 0, position: null });
  harness.render(50);
  assert.deepEqual([harness.lastReport.state, harness.lastReport.position], ["idle", 2400]);
  harness.sendReply(tone16(1000, SOURCE_HZ, 0.1), { generation: 0 });
  harness.render(200);
  assert.deepEqual([harness.lastReport.state, harness.lastReport.position], ["idle", 4800]);
});

test("a stream reset ends the skipping of a reply", () => {
  const harness = new PlaybackHarness();
  harness.send(tone16(1000, SOURCE_HZ, 0.5), { isFirst: true });
  harness.render(100);
  harness.player.skipReply();
  harness.player.resetStream({ generation: 0, position: null });
  harness.send(tone16(1000, SOURCE_HZ, 0.1));
  harness.render(20);
  assert.equal(harness.lastReport.state, "playing");
});

test("a stream reset sets generation and played position", () => {
  const harness = new PlaybackHarness();
  harness.player.resetStream({ generation: 40_000, position: 24_000 });
  harness.render(10);
  assert.deepEqual([harness.lastReport.generation, harness.lastReport.position], [40_000, 24_000]);
  harness.send(tone16(1000, SOURCE_HZ, 0.1), { generation: 40_000, position: 24_000 });
  harness.render(20);
  assert.equal(harness.lastReport.state, "playing");
});
