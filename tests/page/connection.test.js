import assert from "node:assert/strict";
import test from "node:test";

import { Connection } from "../../voice/static/voice/connection.js";
import {
  FrameType,
  WireError,
  decodeFrame,
  encodeEvent,
  encodeFrame,
  eventOf,
} from "../../voice/static/voice/wire.js";

const BLOCK = new Int16Array(512).fill(7);
const { AUDIO_IN, AUDIO_OUT, ACK, FLUSH, PING, PONG, EVENT } = FrameType;

/** A connection and the server's side of it. */
class Dialogue {
  connection = new Connection(0);
  nowMs = 0;
  #sequence = 0;

  hear(type, payload = new Uint8Array(), header = {}) {
    const counted = type === AUDIO_OUT || type === FLUSH || type === EVENT;
    const sequence = counted ? this.#sequence++ : 0;
    const frame = encodeFrame({ type, sequence, ...header }, payload);
    return this.connection.receive(frame, this.nowMs);
  }

  hearEvent(event) {
    return this.hear(EVENT, encodeEvent(event));
  }

  ready() {
    this.hearEvent({ type: "ready" });
    this.sent();
    return this;
  }

  sent(waitingBytes = 0) {
    return this.connection.framesToSend(this.nowMs, waitingBytes).map(decodeFrame);
  }

  types(waitingBytes = 0) {
    return this.sent(waitingBytes).map((frame) => frame.type);
  }

  played(report) {
    this.connection.played({ state: "playing", generation: 0, position: 0, ...report }, this.nowMs);
  }
}

test("`start` goes first and once", () => {
  const dialogue = new Dialogue();
  const [frame, ...more] = dialogue.sent();
  assert.deepEqual(eventOf(frame), { type: "start", inputSampleRateHz: 16_000 });
  assert.equal(frame.sequence, 0);
  assert.deepEqual(more, []);
  assert.deepEqual(dialogue.sent(), []);
});

test("the microphone waits until the server is ready, and then counts from 0", () => {
  const dialogue = new Dialogue();
  dialogue.connection.record(BLOCK);
  assert.deepEqual(dialogue.types(), [EVENT]);
  dialogue.ready();
  dialogue.connection.record(BLOCK);
  dialogue.connection.record(BLOCK);
  const [first, second] = dialogue.sent();
  assert.deepEqual([first.type, first.sequence, first.position], [AUDIO_IN, 1, 0]);
  assert.deepEqual([second.type, second.sequence, second.position], [AUDIO_IN, 2, 512]);
  assert.equal(first.buffer.byteLength, 16 + 1024);
});

test("a text typed before the server is ready is said when it is", () => {
  const dialogue = new Dialogue();
  dialogue.connection.text("hola");
  assert.deepEqual(dialogue.types(), [EVENT]);
  dialogue.hearEvent({ type: "ready" });
  assert.deepEqual(dialogue.sent().map(eventOf), [{ type: "text", text: "hola" }]);
  dialogue.connection.text("chau");
  assert.deepEqual(dialogue.sent().map(eventOf), [{ type: "text", text: "chau" }]);
});

test("hanging up is said", () => {
  const dialogue = new Dialogue().ready();
  dialogue.connection.hangUp();
  assert.deepEqual(dialogue.sent().map(eventOf), [{ type: "end" }]);
});

test("speech is handed on with its place", () => {
  const header = { generation: 2, position: 480, flags: 3 };
  const heard = new Dialogue().hear(AUDIO_OUT, Uint8Array.of(1, 0, 2, 0), header);
  assert.equal(heard.kind, "chunk");
  const { samples, ...place } = heard.chunk;
  assert.deepEqual([...samples], [1, 2]);
  assert.deepEqual(place, { generation: 2, position: 480, first: true, last: true });
});

test("a flush and an event are handed on", () => {
  const dialogue = new Dialogue();
  assert.deepEqual(dialogue.hear(FLUSH, undefined, { generation: 3 }), {
    kind: "flush",
    generation: 3,
  });
  const event = { type: "caption", text: "Sí." };
  assert.deepEqual(dialogue.hearEvent(event), { kind: "event", event });
});

test("a frame that came before is passed over, a gap is counted", () => {
  const dialogue = new Dialogue();
  const pcm = Uint8Array.of(1, 0);
  assert.notEqual(dialogue.hear(AUDIO_OUT, pcm, { sequence: 4 }), null);
  assert.equal(dialogue.connection.missedFrames, 4);
  assert.equal(dialogue.hear(AUDIO_OUT, pcm, { sequence: 4 }), null);
  assert.equal(dialogue.hear(AUDIO_OUT, pcm, { sequence: 3 }), null);
  assert.notEqual(dialogue.hear(AUDIO_OUT, pcm, { sequence: 5 }), null);
  assert.equal(dialogue.connection.missedFrames, 4);
});

test("what is played is acknowledged every 250 ms", () => {
  const dialogue = new Dialogue().ready();
  dialogue.hear(AUDIO_OUT, Uint8Array.of(1, 0));
  dialogue.nowMs = 250;
  dialogue.played({ position: 6000 });
  const [ack] = dialogue.sent();
  assert.deepEqual([ack.type, ack.sequence, ack.position], [ACK, 1, 6000]);
  dialogue.nowMs = 499;
  dialogue.played({ position: 11_000 });
  assert.deepEqual(dialogue.types(), []);
  dialogue.nowMs = 500;
  dialogue.played({ position: 12_000 });
  assert.deepEqual(dialogue.types(), [ACK]);
});

test("the end of a reply and a flush are acknowledged at once", () => {
  const dialogue = new Dialogue().ready();
  dialogue.nowMs = 300;
  dialogue.played({ position: 1000 });
  dialogue.sent();
  dialogue.played({ state: "idle", position: 2000 });
  assert.deepEqual(dialogue.types(), [ACK]);
  dialogue.played({ state: "idle", generation: 1, position: 2000 });
  const [ack] = dialogue.sent();
  assert.deepEqual([ack.generation, ack.position], [1, 2000]);
});

test("what is passed over in silence is acknowledged too, if a little later", () => {
  const dialogue = new Dialogue().ready();
  dialogue.nowMs = 1000;
  dialogue.played({ state: "idle", position: 1000 });
  dialogue.played({ state: "idle", position: 9000 });
  assert.deepEqual(
    dialogue.sent().map((frame) => frame.position),
    [1000],
  );
  dialogue.connection.tick(1249);
  assert.deepEqual(dialogue.types(), []);
  dialogue.connection.tick(1250);
  assert.deepEqual(
    dialogue.sent().map((frame) => frame.position),
    [9000],
  );
  dialogue.connection.tick(1500);
  assert.deepEqual(dialogue.types(), []);
});

test("a ping is answered with its payload, and one goes out every five seconds", () => {
  const dialogue = new Dialogue().ready();
  assert.equal(dialogue.hear(PING, Uint8Array.of(9, 8)), null);
  const [pong] = dialogue.sent();
  assert.deepEqual([pong.type, ...new Uint8Array(pong.buffer, 16)], [PONG, 9, 8]);
  dialogue.connection.tick(4999);
  assert.deepEqual(dialogue.types(), []);
  dialogue.connection.tick(5000);
  assert.deepEqual(dialogue.types(), [PING]);
  dialogue.connection.tick(9999);
  assert.deepEqual(dialogue.types(), []);
});

test("a server unheard for fifteen seconds is gone; any frame shows that it is there", () => {
  const dialogue = new Dialogue();
  assert.equal(dialogue.connection.isDeaf(14_999), false);
  assert.equal(dialogue.connection.isDeaf(15_000), true);
  dialogue.nowMs = 1000;
  dialogue.hear(PONG);
  assert.equal(dialogue.connection.isDeaf(15_999), false);
});

test("where the socket is full, control goes and sound waits", () => {
  const dialogue = new Dialogue().ready();
  dialogue.connection.record(BLOCK);
  dialogue.connection.text("hola");
  assert.deepEqual(dialogue.types(64_000 - 1023), [EVENT]);
  assert.deepEqual(dialogue.types(64_000 - 1024), [AUDIO_IN]);
});

test("of more than two seconds waiting the oldest is given up, and the position shows it", () => {
  const dialogue = new Dialogue().ready();
  for (let i = 0; i < 62; i++) dialogue.connection.record(BLOCK);
  assert.equal(dialogue.connection.droppedBlocks, 0);
  dialogue.connection.record(BLOCK);
  assert.equal(dialogue.connection.droppedBlocks, 1);
  const [first] = dialogue.sent();
  assert.deepEqual([first.position, first.sequence], [512, 1]);
});

for (const type of [0, AUDIO_IN, ACK, 7, 99]) {
  test(`a frame of type ${type} is not the server's to send`, () => {
    assert.throws(() => new Dialogue().hear(type), WireError);
  });
}
