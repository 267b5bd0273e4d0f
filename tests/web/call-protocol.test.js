import assert from "node:assert/strict";
import test from "node:test";

import { CallProtocol } from "../../voice/web/static/voice/call-protocol.js";
import {
  FrameFlag,
  FrameType,
  WireError,
  decodeFrame,
  encodeEvent,
  encodeFrame,
  decodeEvent,
  framePayload,
} from "../../voice/web/static/voice/wire.js";

const BLOCK = new Int16Array(512).fill(7);
const PCM = Uint8Array.of(1, 0);
const { AUDIO_IN, AUDIO_OUT, ACK, FLUSH, PING, PONG, RESUME, EVENT } = FrameType;
const { FIRST, RESENT } = FrameFlag;

/** A client's protocol with its clock, and the server's side of the wire. */
class ProtocolHarness {
  protocol;
  nowMs = 0;
  nextSequence = 0;

  constructor(options) {
    this.protocol = new CallProtocol(options);
    this.open();
  }

  /** Open a socket, the first or another one. */
  open() {
    this.protocol.onConnecting(this.nowMs);
    this.protocol.onOpen(this.nowMs, "ticket-1");
    return this;
  }

  receive(type, payload = new Uint8Array(), header = {}) {
    const counted = type === AUDIO_OUT || type === FLUSH || type === EVENT;
    const sequence = counted && header.sequence === undefined ? this.nextSequence++ : 0;
    const frame = encodeFrame({ type, sequence, ...header }, payload);
    return this.protocol.receive(frame, this.nowMs);
  }

  receiveEvent(event, header) {
    return this.receive(EVENT, encodeEvent(event), header);
  }

  makeReady() {
    this.receiveEvent({ type: "ready", resumeToken: "token-1" });
    this.takeFrames();
    return this;
  }

  /** Receive the server's answer to RESUME. */
  receiveResumed(header = {}, event = {}) {
    return this.receive(RESUME, encodeEvent({ type: "resumed", ...event }), header);
  }

  takeFrames(bufferedBytes = 0) {
    return this.protocol.takeFrames(this.nowMs, bufferedBytes).map(decodeFrame);
  }

  /** Take the frames to send, without pings and acknowledgements. */
  takeContent(bufferedBytes = 0) {
    return this.takeFrames(bufferedBytes).filter(({ type }) => type !== PING && type !== ACK);
  }

  takeTypes(bufferedBytes = 0) {
    return this.takeFrames(bufferedBytes).map((frame) => frame.type);
  }
}

function payloadText(frame) {
  return new TextDecoder().decode(framePayload(frame));
}

// The start of a call

test("`start` goes first, with the ticket, then a ping", () => {
  const harness = new ProtocolHarness();
  const [start, ...more] = harness.takeFrames();
  assert.deepEqual(decodeEvent(start), {
    type: "start",
    ticket: "ticket-1",
    inputSampleRateHz: 16_000,
  });
  assert.equal(start.sequence, 0);
  assert.deepEqual(
    more.map(({ type }) => type),
    [PING],
  );
  assert.deepEqual(harness.takeFrames(), []);
});

test("a call without a greeting says so in `start`", () => {
  const [start] = new ProtocolHarness({ greet: false }).takeFrames();
  assert.equal(decodeEvent(start).greet, false);
});

test("a call that could not start starts again with a new ticket", () => {
  const harness = new ProtocolHarness();
  harness.takeFrames();
  harness.protocol.onConnecting(0);
  assert.deepEqual(harness.takeFrames(), []);
  harness.protocol.onOpen(0, "ticket-2");
  const [start] = harness.takeContent();
  assert.equal(decodeEvent(start).ticket, "ticket-2");
  assert.equal(start.sequence, 0);
});

test("audio is dropped until the server is ready; positions count from there", () => {
  const harness = new ProtocolHarness();
  harness.takeFrames();
  harness.protocol.sendAudio(BLOCK);
  assert.deepEqual(harness.takeContent(), []);
  harness.makeReady();
  harness.protocol.sendAudio(BLOCK);
  harness.protocol.sendAudio(BLOCK);
  const [first, second] = harness.takeContent();
  assert.deepEqual([first.type, first.sequence, first.position], [AUDIO_IN, 1, 0]);
  assert.deepEqual([second.type, second.sequence, second.position], [AUDIO_IN, 2, 512]);
  assert.equal(first.buffer.byteLength, 16 + 1024);
});

test("a text typed before the server is ready is sent afterwards", () => {
  const harness = new ProtocolHarness();
  harness.takeFrames();
  harness.protocol.sendText("hola");
  assert.deepEqual(harness.takeContent(), []);
  harness.receiveEvent({ type: "ready", resumeToken: "token-1" });
  assert.deepEqual(harness.takeContent().map(decodeEvent), [{ type: "text", text: "hola" }]);
  harness.protocol.sendText("chau");
  assert.deepEqual(harness.takeContent().map(decodeEvent), [{ type: "text", text: "chau" }]);
});

test("hanging up sends `end`, also before the server is ready", () => {
  const harness = new ProtocolHarness().makeReady();
  harness.protocol.hangUp();
  assert.deepEqual(harness.takeContent().map(decodeEvent), [{ type: "end" }]);
  const early = new ProtocolHarness();
  early.protocol.hangUp();
  assert.deepEqual(
    early.takeContent().map((frame) => decodeEvent(frame).type),
    ["start", "end"],
  );
});

test("`ready` without a token is a wire error", () => {
  assert.throws(() => new ProtocolHarness().receiveEvent({ type: "ready" }), WireError);
});

// The server's frames

test("an audio frame becomes a chunk with its position", () => {
  const header = { generation: 2, position: 480, flags: 3 };
  const incoming = new ProtocolHarness().receive(AUDIO_OUT, Uint8Array.of(1, 0, 2, 0), header);
  assert.equal(incoming.kind, "chunk");
  const { samples, ...place } = incoming.chunk;
  assert.deepEqual([...samples], [1, 2]);
  assert.deepEqual(place, { generation: 2, position: 480, isFirst: true, isLast: true });
});

test("a flush and an event are passed on", () => {
  const harness = new ProtocolHarness();
  assert.deepEqual(harness.receive(FLUSH, undefined, { generation: 3 }), {
    kind: "flush",
    generation: 3,
  });
  const event = { type: "caption", text: "Sí." };
  assert.deepEqual(harness.receiveEvent(event), { kind: "event", event });
});

test("the played position and received sequence are acknowledged", () => {
  const harness = new ProtocolHarness().makeReady();
  harness.nowMs = 250;
  const report = { state: "playing", generation: 0, position: 6000 };
  harness.protocol.onPlayerReport(report);
  harness.nowMs = 500;
  const [ack] = harness.takeFrames();
  assert.deepEqual([ack.type, ack.sequence, ack.position], [ACK, 0, 6000]);
  assert.deepEqual(harness.takeTypes(), []);
});

test("a ping is answered with its payload, and one is sent every 5 s", () => {
  const harness = new ProtocolHarness().makeReady();
  assert.equal(harness.receive(PING, Uint8Array.of(9, 8)), null);
  const [pong] = harness.takeFrames();
  assert.deepEqual([pong.type, ...new Uint8Array(pong.buffer, 16)], [PONG, 9, 8]);
  harness.protocol.tick(4999);
  assert.deepEqual(harness.takeTypes(), []);
  harness.protocol.tick(5000);
  assert.deepEqual(harness.takeTypes(), [PING]);
  harness.protocol.tick(9999);
  assert.deepEqual(harness.takeTypes(), []);
});

test("a server is unresponsive after 15 s without any frame", () => {
  const harness = new ProtocolHarness();
  assert.equal(harness.protocol.isUnresponsive(14_999), false);
  assert.equal(harness.protocol.isUnresponsive(15_000), true);
  harness.nowMs = 1000;
  harness.receive(PONG);
  assert.equal(harness.protocol.isUnresponsive(15_999), false);
  harness.nowMs = 60_000;
  harness.open();
  assert.equal(harness.protocol.isUnresponsive(74_999), false);
});

test("a full socket delays audio but not events", () => {
  const harness = new ProtocolHarness().makeReady();
  harness.protocol.sendAudio(BLOCK);
  harness.protocol.sendText("hola");
  const typesWith = (waiting) => harness.takeContent(waiting).map(({ type }) => type);
  assert.deepEqual(typesWith(64_000 - 1023), [EVENT]);
  assert.deepEqual(typesWith(64_000 - 1024), [AUDIO_IN]);
});

for (const type of [0, AUDIO_IN, RESUME, 8, 99]) {
  test(`a frame of type ${type} during a call is a wire error`, () => {
    const harness = new ProtocolHarness().makeReady();
    assert.throws(() => harness.receive(type, encodeEvent({ type: "resumed" })), WireError);
  });
}

// Playback started

test("playback start is reported once, with the newest round trip", () => {
  const harness = new ProtocolHarness();
  const [, ping] = harness.takeFrames();
  harness.nowMs = 12.34;
  harness.receive(PONG, framePayload(ping));
  harness.makeReady();
  harness.nowMs = 1000;
  harness.receive(AUDIO_OUT, PCM, { position: 480, flags: FIRST });
  const event = { type: "heard", position: 480, afterMs: 83.2, rttMs: 12.3 };
  assert.deepEqual(harness.protocol.onPlaybackStarted({ position: 480, atMs: 1083.21 }), event);
  assert.deepEqual(harness.takeContent().map(decodeEvent), [event]);
  assert.equal(harness.protocol.onPlaybackStarted({ position: 480, atMs: 1083.21 }), null);
});

test("the delay is never negative; the round trip is null until measured", () => {
  const harness = new ProtocolHarness().makeReady();
  harness.nowMs = 1000;
  harness.receive(AUDIO_OUT, PCM, { position: 0, flags: FIRST });
  const { afterMs, rttMs } = harness.protocol.onPlaybackStarted({ position: 0, atMs: 990 });
  assert.deepEqual([afterMs, rttMs], [0, null]);
});

test("playback start is not reported for later chunks or old replies", () => {
  const harness = new ProtocolHarness().makeReady();
  harness.receive(AUDIO_OUT, PCM, { position: 5 });
  assert.equal(harness.protocol.onPlaybackStarted({ position: 5, atMs: 9 }), null);
  for (let i = 0; i < 9; i++) harness.receive(AUDIO_OUT, PCM, { position: 10 + i, flags: FIRST });
  assert.equal(harness.protocol.onPlaybackStarted({ position: 10, atMs: 9 }), null);
  assert.notEqual(harness.protocol.onPlaybackStarted({ position: 11, atMs: 9 }), null);
});

// A lost protocol

test("RESUME carries the received sequence and the played position", () => {
  const harness = new ProtocolHarness().makeReady();
  harness.receive(AUDIO_OUT, PCM, { generation: 2, position: 0 });
  harness.protocol.onPlayerReport({ state: "playing", generation: 2, position: 700 });
  harness.open();
  const [resume] = harness.takeContent();
  assert.deepEqual(
    [resume.type, resume.flags, resume.sequence, resume.generation, resume.position],
    [RESUME, 0, 2, 2, 700],
  );
  assert.equal(payloadText(resume), "token-1");
});

test("no numbered frame is sent before the answer to RESUME", () => {
  const harness = new ProtocolHarness().makeReady();
  harness.open();
  harness.protocol.sendText("hola");
  harness.protocol.sendAudio(BLOCK);
  harness.nowMs = 2000;
  assert.deepEqual(harness.takeTypes(), [RESUME, PING]);
  harness.receiveResumed({ sequence: 1 });
  assert.deepEqual(harness.takeTypes(), [EVENT, AUDIO_IN]);
});

test("frames the server lacks are resent in order, before new ones", () => {
  const harness = new ProtocolHarness().makeReady();
  harness.protocol.sendText("uno");
  harness.protocol.sendAudio(BLOCK);
  harness.takeContent();
  harness.protocol.sendText("dos");
  harness.takeContent();
  harness.open();
  harness.protocol.sendText("tres");
  harness.receiveResumed({ sequence: 2 });
  const frames = harness.takeContent().slice(1);
  assert.deepEqual(
    frames.map(({ type, sequence, flags }) => [type, sequence, flags]),
    [
      [AUDIO_IN, 2, RESENT],
      [EVENT, 3, RESENT],
      [EVENT, 4, 0],
    ],
  );
  assert.equal(decodeEvent(frames[2]).text, "tres");
});

test("a frame that arrives twice is ignored", () => {
  const harness = new ProtocolHarness().makeReady();
  harness.receiveEvent({ type: "caption" });
  harness.open().receiveResumed({ sequence: 1 });
  assert.equal(harness.receiveEvent({ type: "caption" }, { sequence: 1, flags: RESENT }), null);
  assert.notEqual(harness.receiveEvent({ type: "caption" }, { sequence: 2, flags: RESENT }), null);
});

test("an interruption during a disconnect flushes at the resume", () => {
  const harness = new ProtocolHarness().makeReady();
  harness.receive(AUDIO_OUT, PCM, { generation: 1 });
  harness.open();
  const { flush, reset } = harness.receiveResumed({ sequence: 1, generation: 2 });
  assert.deepEqual([flush, reset], [2, null]);
  harness.open();
  assert.equal(harness.receiveResumed({ sequence: 1, generation: 2 }).flush, null);
});

test("a call restored from storage continues with other counters", () => {
  const harness = new ProtocolHarness().makeReady();
  harness.protocol.sendText("uno");
  harness.takeContent();
  for (let i = 0; i < 5; i++) harness.receive(AUDIO_OUT, PCM, { generation: 4 });
  harness.open();
  const resumed = harness.receiveResumed(
    { sequence: 0 },
    { restored: true, resumeToken: "token-2" },
  );
  assert.deepEqual([resumed.flush, resumed.reset], [null, { generation: 0, position: null }]);
  const [, again] = harness.takeContent();
  assert.deepEqual([again.sequence, again.flags], [1, RESENT]);
  assert.notEqual(harness.receive(AUDIO_OUT, PCM, { sequence: 0 }), null);
  harness.protocol.sendText("dos");
  assert.equal(harness.takeContent()[0].sequence, 2);
  assert.equal(payloadText(harness.open().takeContent()[0]), "token-2");
});

test("events of a refused resume are not numbered; unknown_call is dropped", () => {
  const harness = new ProtocolHarness().makeReady();
  harness.receiveEvent({ type: "caption" });
  harness.open();
  const busy = { type: "error", code: "throttled" };
  assert.deepEqual(harness.receiveEvent(busy, { sequence: 0 }), { kind: "event", event: busy });
  assert.equal(
    harness.receiveEvent({ type: "error", code: "unknown_call" }, { sequence: 0 }),
    null,
  );
});

// A reloaded page

const RELOADED = { resume: { token: "token-7", position: 24_000, pendingTexts: [] } };

test("a reloaded page sends RESUME with FIRST and the played position", () => {
  const harness = new ProtocolHarness(RELOADED);
  assert.equal(harness.protocol.isEstablished, true);
  const [resume] = harness.takeContent();
  assert.deepEqual(
    [resume.type, resume.flags, resume.sequence, resume.generation, resume.position],
    [RESUME, FIRST, 0, 0, 24_000],
  );
  assert.equal(payloadText(resume), "token-7");
});

test("a reloaded page takes the server's sequence, and frames in any order", () => {
  const harness = new ProtocolHarness(RELOADED);
  harness.takeContent();
  harness.protocol.sendText("hola");
  const header = { sequence: 40, generation: 3, position: 24_000 };
  const { reset, flush } = harness.receiveResumed(header);
  assert.deepEqual([reset, flush], [{ generation: 3, position: 24_000 }, null]);
  assert.equal(harness.takeContent()[0].sequence, 40);
  assert.notEqual(harness.receiveEvent({ type: "caption" }, { sequence: 90 }), null);
  const again = { sequence: 80, position: 24_000, flags: RESENT };
  assert.notEqual(harness.receive(AUDIO_OUT, PCM, again), null);
  assert.notEqual(harness.receiveEvent({ type: "caption" }, { sequence: 91 }), null);
  const { type, flags, sequence } = harness.open().takeContent()[0];
  assert.deepEqual([type, flags, sequence], [RESUME, 0, 92]);
});

test("pending texts that the server lacks are sent again, before new ones", () => {
  const pendingTexts = [
    { sequence: 38, text: "uno" },
    { sequence: 40, text: "dos" },
    { sequence: null, text: "tres" },
  ];
  const harness = new ProtocolHarness({ resume: { ...RELOADED.resume, pendingTexts } });
  harness.protocol.sendText("cuatro");
  const all = ["uno", "dos", "tres", "cuatro"];
  assert.deepEqual(
    harness.protocol.pendingTexts.map(({ text }) => text),
    all,
  );
  harness.takeContent();
  harness.receiveResumed({ sequence: 39, position: 24_000 });
  const frames = harness.takeContent();
  assert.deepEqual(
    frames.map((frame) => [frame.sequence, decodeEvent(frame).text, frame.flags]),
    [
      [39, "dos", 0],
      [40, "tres", 0],
      [41, "cuatro", 0],
    ],
  );
  harness.open().takeContent();
  harness.receiveResumed({ sequence: 42, position: 24_000 });
  assert.deepEqual(harness.takeContent(), []);
  assert.deepEqual(harness.protocol.pendingTexts, []);
});

test("of a resent chunk only the unplayed part is played", () => {
  const harness = new ProtocolHarness(RELOADED);
  harness.receiveResumed({ position: 24_000 });
  const four = Uint8Array.of(1, 0, 2, 0, 3, 0, 4, 0);
  const flags = FIRST | RESENT;
  assert.equal(harness.receive(AUDIO_OUT, four, { position: 23_996, flags }), null);
  const { chunk } = harness.receive(AUDIO_OUT, four, { position: 23_999, flags });
  assert.deepEqual([...chunk.samples], [2, 3, 4]);
  assert.deepEqual([chunk.position, chunk.isFirst], [24_000, false]);
  assert.deepEqual(harness.protocol.onPlaybackStarted({ position: 24_000, atMs: 1 }), null);
});

test("a reloaded page repeats FIRST until RESUME is answered", () => {
  const harness = new ProtocolHarness(RELOADED);
  harness.takeContent();
  assert.equal(harness.open().takeContent()[0].flags, FIRST);
});
