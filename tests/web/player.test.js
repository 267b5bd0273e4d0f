import assert from "node:assert/strict";
import test from "node:test";

import { Player } from "../../voice/web/static/voice/player.js";
import { decibels, tone, tone16 } from "./signals.js";

const SOURCE_HZ = 24_000;
const CONTEXT_HZ = 48_000;
const QUANTUM = 128;
const QUANTUM_MS = (QUANTUM / CONTEXT_HZ) * 1000;
const CHUNK = 960; // 40 ms

/** A player, its clock, and all it has played. */
class Listener {
  player = new Player({ sourceRateHz: SOURCE_HZ, contextRateHz: CONTEXT_HZ });
  nowMs = 0;
  position = 0;
  heard = [];
  reports = [];

  send(samples, { generation = 0, first = false, last = false, position = this.position } = {}) {
    this.player.receive({ samples, generation, position, first, last });
    this.position = position + samples.length;
  }

  sendReply(samples, { generation = 0 } = {}) {
    for (let i = 0; i < samples.length; i += CHUNK) {
      const last = i + CHUNK >= samples.length;
      this.send(samples.subarray(i, i + CHUNK), { generation, first: i === 0, last });
    }
  }

  listen(durationMs) {
    const untilMs = this.nowMs + durationMs;
    while (this.nowMs < untilMs - 1e-6) {
      const output = new Float32Array(QUANTUM);
      this.player.render(output, this.nowMs);
      this.heard.push(...output);
      const report = this.player.report();
      if (report !== null) this.reports.push(report);
      this.nowMs += QUANTUM_MS;
    }
    return this;
  }

  get last() {
    return this.reports.at(-1);
  }

  states() {
    return this.reports.map((r) => r.state).filter((s, i, all) => s !== all[i - 1]);
  }
}

test("a reply is played whole, sample for sample, and then all of it is reported as heard", () => {
  const listener = new Listener();
  listener.sendReply(tone16(1000, SOURCE_HZ, 0.5));
  listener.listen(700);
  const ideal = tone(1000, CONTEXT_HZ, 0.5).map((x) => x / 2);
  let error = 0;
  for (let i = 200; i < ideal.length - 200; i++) error += (listener.heard[i] - ideal[i]) ** 2;
  assert.ok(decibels(error / (ideal.length - 400) / 0.125) < -70);
  assert.ok(listener.heard.slice(ideal.length + 300).every((x) => x === 0));
  assert.deepEqual(listener.states(), ["playing", "idle"]);
  assert.equal(listener.last.position, 12_000);
  assert.equal(listener.last.stalls, 0);
});

test("playing waits for 60 ms of sound", () => {
  const listener = new Listener();
  listener.send(tone16(1000, SOURCE_HZ, 0.059), { first: true });
  listener.listen(100);
  assert.deepEqual(listener.states(), ["filling"]);
  listener.send(tone16(1000, SOURCE_HZ, 0.001));
  listener.listen(10);
  assert.deepEqual(listener.states(), ["filling", "playing"]);
});

test("a reply shorter than that is played as soon as its end is known", () => {
  const listener = new Listener();
  listener.sendReply(tone16(1000, SOURCE_HZ, 0.02));
  listener.listen(50);
  assert.deepEqual(listener.states(), ["playing", "idle"]);
  assert.equal(listener.last.position, 480);
});

test("an empty last frame ends a reply, and one without any sound too", () => {
  const listener = new Listener();
  listener.send(tone16(1000, SOURCE_HZ, 0.02), { first: true });
  listener.send(new Int16Array(), { last: true });
  listener.listen(50);
  assert.equal(listener.last.state, "idle");
  listener.send(new Int16Array(), { first: true, last: true });
  listener.listen(50);
  assert.equal(listener.last.state, "idle");
  assert.equal(listener.last.position, 480);
});

test("a burst of many seconds is kept whole", () => {
  const listener = new Listener();
  listener.sendReply(tone16(300, SOURCE_HZ, 20));
  listener.listen(20_100);
  assert.equal(listener.last.position, 480_000);
  assert.equal(listener.last.stalls, 0);
});

test("a dry ring is a stall: the sound fades, waits for more, and loses nothing", () => {
  const listener = new Listener();
  listener.send(tone16(1000, SOURCE_HZ, 0.1), { first: true });
  listener.listen(200);
  assert.equal(listener.last.state, "stalled");
  assert.ok(listener.heard.slice(-100).every((x) => x === 0));
  listener.send(tone16(1000, SOURCE_HZ, 0.1), { last: true });
  listener.listen(200);
  assert.deepEqual(listener.states(), ["playing", "stalled", "playing", "idle"]);
  assert.equal(listener.last.position, 4800);
  assert.equal(listener.last.stalls, 1);
  assert.ok(Math.abs(listener.last.stalledMs - 100) < 5, String(listener.last.stalledMs));
});

test("no cut clicks: the steepest step is no steeper than the tone's own", () => {
  const listener = new Listener();
  const loud = tone16(200, SOURCE_HZ, 0.1).map((x) => x * 1.9);
  listener.send(loud, { first: true });
  listener.listen(200);
  listener.send(loud);
  listener.listen(50);
  listener.player.flush(1);
  listener.listen(50);
  const steps = listener.heard.slice(1).map((x, i) => Math.abs(x - listener.heard[i]));
  assert.ok(Math.max(...steps) < 0.03, String(Math.max(...steps)));
});

test("a flush silences within 5 ms, and the position stays where the customer was", () => {
  const listener = new Listener();
  listener.sendReply(tone16(1000, SOURCE_HZ, 6));
  listener.listen(1000);
  listener.player.flush(1);
  listener.listen(5.4);
  const after = listener.listen(200).heard.slice(-QUANTUM * 70);
  assert.ok(after.every((x) => x === 0));
  assert.equal(listener.last.state, "idle");
  assert.equal(listener.last.generation, 1);
  assert.ok(Math.abs(listener.last.position - 24_000) <= 64, String(listener.last.position));
});

test("audio older than the flush is dropped as it arrives, also where the counter wraps", () => {
  const listener = new Listener();
  listener.player.flush(40_000);
  listener.player.flush(65_535);
  listener.player.flush(0);
  listener.send(tone16(1000, SOURCE_HZ, 0.2), { generation: 65_535, first: true });
  listener.listen(100);
  assert.equal(listener.last.state, "idle");
  listener.send(tone16(1000, SOURCE_HZ, 0.2), { generation: 0, first: true });
  listener.listen(100);
  assert.equal(listener.last.state, "playing");
});

test("after a flush the next reply is heard from its own position", () => {
  const listener = new Listener();
  listener.sendReply(tone16(1000, SOURCE_HZ, 2));
  listener.listen(500);
  listener.player.flush(1);
  listener.position = 48_000;
  listener.sendReply(tone16(1000, SOURCE_HZ, 0.1), { generation: 1 });
  listener.listen(200);
  assert.equal(listener.last.position, 50_400);
});

test("hushing drops the rest of this reply, counts it as heard, and plays the next", () => {
  const listener = new Listener();
  const speech = tone16(1000, SOURCE_HZ, 0.5);
  listener.send(speech, { first: true });
  listener.listen(100);
  listener.player.hush();
  listener.send(speech);
  listener.send(speech, { last: true });
  listener.listen(100);
  assert.equal(listener.last.state, "idle");
  assert.equal(listener.last.position, 36_000);
  listener.sendReply(speech);
  listener.listen(600);
  assert.equal(listener.last.position, 48_000);
  assert.deepEqual(listener.states(), ["playing", "idle", "playing", "idle"]);
});

test("hushing a reply that has wholly arrived leaves the next one alone", () => {
  const listener = new Listener();
  listener.sendReply(tone16(1000, SOURCE_HZ, 1));
  listener.listen(100);
  listener.player.hush();
  listener.send(tone16(1000, SOURCE_HZ, 0.1)); // not even marked as first
  listener.listen(20);
  assert.equal(listener.last.state, "playing");
});

test("hushing silence does nothing", () => {
  const listener = new Listener();
  listener.player.hush();
  listener.sendReply(tone16(1000, SOURCE_HZ, 0.1));
  listener.listen(50);
  assert.equal(listener.last.state, "playing");
});

test("two replies in the ring are played one after the other", () => {
  const listener = new Listener();
  listener.sendReply(tone16(1000, SOURCE_HZ, 0.2));
  listener.sendReply(tone16(1000, SOURCE_HZ, 0.2));
  listener.listen(600);
  assert.equal(listener.last.position, 9600);
  assert.deepEqual(listener.states(), ["playing", "filling", "playing", "idle"]);
});

test("a position the server left out is passed over", () => {
  const listener = new Listener();
  listener.send(tone16(1000, SOURCE_HZ, 0.1), { first: true });
  listener.send(tone16(1000, SOURCE_HZ, 0.1), { last: true, position: 5000 });
  listener.listen(300);
  assert.equal(listener.last.position, 7400);
});

/** Speech of 200 ms of sound and 200 ms of silence, over and over, sent at the pace of speech. */
function pacedReply(listener, seconds, stallAtMs, stallMs) {
  const word = tone16(500, SOURCE_HZ, 0.04);
  const pause = new Int16Array(CHUNK);
  let sent = 0;
  for (let ms = 0; ms < seconds * 1000; ms += 40) {
    const due = ms < stallAtMs || ms >= stallAtMs + stallMs ? ms / 40 + 1 : sent;
    for (; sent < due; sent++) {
      listener.send(Math.floor(sent / 5) % 2 ? pause : word, { first: sent === 0 });
    }
    listener.listen(40);
  }
}

test("after a stall of a paced source, the delay is regained from silences", () => {
  const listener = new Listener();
  pacedReply(listener, 6, 2000, 400);
  const { stalls, trimmedMs, bufferedMs, targetMs } = listener.last;
  assert.ok(stalls >= 1);
  assert.ok(trimmedMs > 0, "nothing was trimmed");
  assert.ok(bufferedMs <= targetMs + 80 + 50, `${bufferedMs} ms still wait, target ${targetMs}`);
});

test("the pauses of a source that is never late are left as they are", () => {
  const listener = new Listener();
  pacedReply(listener, 4, Infinity, 0);
  assert.equal(listener.last.trimmedMs, 0);
});

test("reports come on every change, and each 50 ms while there is something to tell", () => {
  const listener = new Listener();
  listener.listen(500);
  assert.equal(listener.reports.length, 0);
  listener.sendReply(tone16(1000, SOURCE_HZ, 1));
  listener.listen(1000);
  assert.ok(listener.reports.length >= 19 && listener.reports.length <= 22);
  assert.ok(Math.abs(listener.reports[5].level - 0.3535) < 0.02);
});

// Beginnings and ends that are told

function begun(listener) {
  return listener.reports.filter((r) => r.begun !== null).map((r) => r.begun);
}

test("the first sample of each reply is told once, with the time of its quantum", () => {
  const listener = new Listener();
  listener.listen(100);
  listener.sendReply(tone16(1000, SOURCE_HZ, 0.2));
  listener.listen(300);
  listener.sendReply(tone16(1000, SOURCE_HZ, 0.2));
  listener.listen(300);
  const [first, second, ...more] = begun(listener);
  assert.equal(first.position, 0);
  assert.ok(Math.abs(first.atMs - 100) < 2 * QUANTUM_MS, String(first.atMs));
  assert.equal(second.position, 4800);
  assert.ok(Math.abs(second.atMs - 400) < 2 * QUANTUM_MS, String(second.atMs));
  assert.deepEqual(more, []);
});

test("a reply behind another one begins when that one has been heard", () => {
  const listener = new Listener();
  listener.sendReply(tone16(1000, SOURCE_HZ, 0.2));
  listener.sendReply(tone16(1000, SOURCE_HZ, 0.2));
  listener.listen(600);
  const [, second] = begun(listener);
  assert.equal(second.position, 4800);
  assert.ok(second.atMs >= 200 && second.atMs < 230, String(second.atMs));
});

test("a reply that is never heard, or has no sound, is never told to have begun", () => {
  const listener = new Listener();
  listener.send(tone16(1000, SOURCE_HZ, 0.05), { first: true });
  listener.listen(50);
  listener.player.flush(1);
  listener.listen(50);
  listener.send(new Int16Array(), { generation: 1, first: true, last: true });
  listener.listen(50);
  assert.deepEqual(begun(listener), []);
});

test("a call that is over is told to be so when its last word was heard, LAST or not", () => {
  const listener = new Listener();
  listener.send(tone16(1000, SOURCE_HZ, 0.02), { first: true });
  listener.listen(50);
  listener.player.finish();
  listener.listen(10);
  assert.equal(listener.last.done, false);
  listener.listen(50);
  assert.deepEqual([listener.last.done, listener.last.position], [true, 480]);
});

test("a call that ends in silence is told to be over at once", () => {
  const listener = new Listener();
  listener.player.finish();
  listener.listen(QUANTUM_MS);
  assert.equal(listener.last.done, true);
});

// Another server, another page

test("what has come of a reply is played to its end when its server is gone", () => {
  const listener = new Listener();
  listener.player.flush(5);
  listener.send(tone16(1000, SOURCE_HZ, 0.1), { generation: 5, first: true });
  listener.listen(200);
  assert.equal(listener.last.state, "stalled");
  listener.player.takeOver({ generation: 0, position: null });
  listener.listen(50);
  assert.deepEqual([listener.last.state, listener.last.position], ["idle", 2400]);
  listener.sendReply(tone16(1000, SOURCE_HZ, 0.1), { generation: 0 });
  listener.listen(200);
  assert.deepEqual([listener.last.state, listener.last.position], ["idle", 4800]);
});

test("the rest of a reply that was hushed is not waited for from another server", () => {
  const listener = new Listener();
  listener.send(tone16(1000, SOURCE_HZ, 0.5), { first: true });
  listener.listen(100);
  listener.player.hush();
  listener.player.takeOver({ generation: 0, position: null });
  listener.send(tone16(1000, SOURCE_HZ, 0.1));
  listener.listen(20);
  assert.equal(listener.last.state, "playing");
});

test("a player that goes on with another page's call knows what was heard there", () => {
  const listener = new Listener();
  listener.player.takeOver({ generation: 40_000, position: 24_000 });
  listener.listen(10);
  assert.deepEqual([listener.last.generation, listener.last.position], [40_000, 24_000]);
  listener.send(tone16(1000, SOURCE_HZ, 0.1), { generation: 40_000, position: 24_000 });
  listener.listen(20);
  assert.equal(listener.last.state, "playing");
});
