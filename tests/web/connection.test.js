import assert from "node:assert/strict";
import test from "node:test";

import { Connection } from "../../voice/web/static/voice/connection.js";
import {
  FrameFlag,
  FrameType,
  WireError,
  decodeFrame,
  encodeEvent,
  encodeFrame,
  eventOf,
  payloadOf,
} from "../../voice/web/static/voice/wire.js";

const BLOCK = new Int16Array(512).fill(7);
const PCM = Uint8Array.of(1, 0);
const { AUDIO_IN, AUDIO_OUT, ACK, FLUSH, PING, PONG, RESUME, EVENT } = FrameType;
const { FIRST, RESENT } = FrameFlag;

/** A call and the server's side of it. */
class Dialogue {
  connection;
  nowMs = 0;
  next = 0;

  constructor(how) {
    this.connection = new Connection(how);
    this.open();
  }

  /** A socket opens, the first or another one. */
  open() {
    this.connection.dialled(this.nowMs);
    this.connection.opened(this.nowMs, "ticket-1");
    return this;
  }

  hear(type, payload = new Uint8Array(), header = {}) {
    const counted = type === AUDIO_OUT || type === FLUSH || type === EVENT;
    const sequence = counted && header.sequence === undefined ? this.next++ : 0;
    const frame = encodeFrame({ type, sequence, ...header }, payload);
    return this.connection.receive(frame, this.nowMs);
  }

  hearEvent(event, header) {
    return this.hear(EVENT, encodeEvent(event), header);
  }

  ready() {
    this.hearEvent({ type: "ready", resumeToken: "token-1" });
    this.sent();
    return this;
  }

  /** The server's answer to RESUME. */
  resumed(header = {}, event = {}) {
    return this.hear(RESUME, encodeEvent({ type: "resumed", ...event }), header);
  }

  sent(waitingBytes = 0) {
    return this.connection.framesToSend(this.nowMs, waitingBytes).map(decodeFrame);
  }

  /** What is sent, but for pings and acknowledgements. */
  said(waitingBytes = 0) {
    return this.sent(waitingBytes).filter(({ type }) => type !== PING && type !== ACK);
  }

  types(waitingBytes = 0) {
    return this.sent(waitingBytes).map((frame) => frame.type);
  }
}

function text(frame) {
  return new TextDecoder().decode(payloadOf(frame));
}

// A call begins

test("`start` goes first, with the ticket, and a ping behind it", () => {
  const dialogue = new Dialogue();
  const [start, ...more] = dialogue.sent();
  assert.deepEqual(eventOf(start), {
    type: "start",
    ticket: "ticket-1",
    inputSampleRateHz: 16_000,
  });
  assert.equal(start.sequence, 0);
  assert.deepEqual(
    more.map(({ type }) => type),
    [PING],
  );
  assert.deepEqual(dialogue.sent(), []);
});

test("who begins by typing isn't greeted", () => {
  const [start] = new Dialogue({ greet: false }).sent();
  assert.equal(eventOf(start).greet, false);
});

test("a call that could not begin is begun again with number 0 and another ticket", () => {
  const dialogue = new Dialogue();
  dialogue.sent();
  dialogue.connection.dialled(0);
  assert.deepEqual(dialogue.sent(), []);
  dialogue.connection.opened(0, "ticket-2");
  const [start] = dialogue.said();
  assert.equal(eventOf(start).ticket, "ticket-2");
  assert.equal(start.sequence, 0);
});

test("the microphone waits until the server is ready, and its positions count from there", () => {
  const dialogue = new Dialogue();
  dialogue.sent();
  dialogue.connection.record(BLOCK);
  assert.deepEqual(dialogue.said(), []);
  dialogue.ready();
  dialogue.connection.record(BLOCK);
  dialogue.connection.record(BLOCK);
  const [first, second] = dialogue.said();
  assert.deepEqual([first.type, first.sequence, first.position], [AUDIO_IN, 1, 0]);
  assert.deepEqual([second.type, second.sequence, second.position], [AUDIO_IN, 2, 512]);
  assert.equal(first.buffer.byteLength, 16 + 1024);
});

test("a text typed before the server is ready is said when it is", () => {
  const dialogue = new Dialogue();
  dialogue.sent();
  dialogue.connection.text("hola");
  assert.deepEqual(dialogue.said(), []);
  dialogue.hearEvent({ type: "ready", resumeToken: "token-1" });
  assert.deepEqual(dialogue.said().map(eventOf), [{ type: "text", text: "hola" }]);
  dialogue.connection.text("chau");
  assert.deepEqual(dialogue.said().map(eventOf), [{ type: "text", text: "chau" }]);
});

test("hanging up is said, also to a server that isn't ready yet", () => {
  const dialogue = new Dialogue().ready();
  dialogue.connection.hangUp();
  assert.deepEqual(dialogue.said().map(eventOf), [{ type: "end" }]);
  const early = new Dialogue();
  early.connection.hangUp();
  assert.deepEqual(
    early.said().map((frame) => eventOf(frame).type),
    ["start", "end"],
  );
});

test("a server that is ready but names no call is not understood", () => {
  assert.throws(() => new Dialogue().hearEvent({ type: "ready" }), WireError);
});

// What the server sends

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

test("what was heard and received is acknowledged when it is due", () => {
  const dialogue = new Dialogue().ready();
  dialogue.nowMs = 250;
  const report = { state: "playing", generation: 0, position: 6000 };
  dialogue.connection.played(report);
  dialogue.nowMs = 500;
  const [ack] = dialogue.sent();
  assert.deepEqual([ack.type, ack.sequence, ack.position], [ACK, 0, 6000]);
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
  dialogue.nowMs = 60_000;
  dialogue.open();
  assert.equal(dialogue.connection.isDeaf(74_999), false);
});

test("where the socket is full, control goes and sound waits", () => {
  const dialogue = new Dialogue().ready();
  dialogue.connection.record(BLOCK);
  dialogue.connection.text("hola");
  const typesSaid = (waiting) => dialogue.said(waiting).map(({ type }) => type);
  assert.deepEqual(typesSaid(64_000 - 1023), [EVENT]);
  assert.deepEqual(typesSaid(64_000 - 1024), [AUDIO_IN]);
});

for (const type of [0, AUDIO_IN, RESUME, 8, 99]) {
  test(`a frame of type ${type} is not the server's to send in the middle of a call`, () => {
    const dialogue = new Dialogue().ready();
    assert.throws(() => dialogue.hear(type, encodeEvent({ type: "resumed" })), WireError);
  });
}

// The first sample of a reply

test("when a reply was heard is told with the newest round trip, once", () => {
  const dialogue = new Dialogue();
  const [, ping] = dialogue.sent();
  dialogue.nowMs = 12.34;
  dialogue.hear(PONG, payloadOf(ping));
  dialogue.ready();
  dialogue.nowMs = 1000;
  dialogue.hear(AUDIO_OUT, PCM, { position: 480, flags: FIRST });
  const event = { type: "heard", position: 480, afterMs: 83.2, rttMs: 12.3 };
  assert.deepEqual(dialogue.connection.heard({ position: 480, atMs: 1083.21 }), event);
  assert.deepEqual(dialogue.said().map(eventOf), [event]);
  assert.equal(dialogue.connection.heard({ position: 480, atMs: 1083.21 }), null);
});

test("without a round trip it is null, and no clock makes a reply heard before it came", () => {
  const dialogue = new Dialogue().ready();
  dialogue.nowMs = 1000;
  dialogue.hear(AUDIO_OUT, PCM, { position: 0, flags: FIRST });
  const { afterMs, rttMs } = dialogue.connection.heard({ position: 0, atMs: 990 });
  assert.deepEqual([afterMs, rttMs], [0, null]);
});

test("of a chunk in mid-reply no such thing is told, nor of a reply long gone", () => {
  const dialogue = new Dialogue().ready();
  dialogue.hear(AUDIO_OUT, PCM, { position: 5 });
  assert.equal(dialogue.connection.heard({ position: 5, atMs: 9 }), null);
  for (let i = 0; i < 9; i++) dialogue.hear(AUDIO_OUT, PCM, { position: 10 + i, flags: FIRST });
  assert.equal(dialogue.connection.heard({ position: 10, atMs: 9 }), null);
  assert.notEqual(dialogue.connection.heard({ position: 11, atMs: 9 }), null);
});

// A lost connection

test("a call that has begun goes on with RESUME, which says what came and what was heard", () => {
  const dialogue = new Dialogue().ready();
  dialogue.hear(AUDIO_OUT, PCM, { generation: 2, position: 0 });
  dialogue.connection.played({ state: "playing", generation: 2, position: 700 });
  dialogue.open();
  const [resume] = dialogue.said();
  assert.deepEqual(
    [resume.type, resume.flags, resume.sequence, resume.generation, resume.position],
    [RESUME, 0, 2, 2, 700],
  );
  assert.equal(text(resume), "token-1");
});

test("nothing counted goes out until the server has answered", () => {
  const dialogue = new Dialogue().ready();
  dialogue.open();
  dialogue.connection.text("hola");
  dialogue.connection.record(BLOCK);
  dialogue.nowMs = 2000;
  assert.deepEqual(dialogue.types(), [RESUME, PING]);
  dialogue.resumed({ sequence: 1 });
  assert.deepEqual(dialogue.types(), [EVENT, AUDIO_IN]);
});

test("what the server lacks is said again, in its old place, before anything new", () => {
  const dialogue = new Dialogue().ready();
  dialogue.connection.text("uno");
  dialogue.connection.record(BLOCK);
  dialogue.said();
  dialogue.connection.text("dos");
  dialogue.said();
  dialogue.open();
  dialogue.connection.text("tres");
  dialogue.resumed({ sequence: 2 });
  const frames = dialogue.said().slice(1);
  assert.deepEqual(
    frames.map(({ type, sequence, flags }) => [type, sequence, flags]),
    [
      [AUDIO_IN, 2, RESENT],
      [EVENT, 3, RESENT],
      [EVENT, 4, 0],
    ],
  );
  assert.equal(eventOf(frames[2]).text, "tres");
});

test("what comes a second time is passed over", () => {
  const dialogue = new Dialogue().ready();
  dialogue.hearEvent({ type: "caption" });
  dialogue.open().resumed({ sequence: 1 });
  assert.equal(dialogue.hearEvent({ type: "caption" }, { sequence: 1, flags: RESENT }), null);
  assert.notEqual(dialogue.hearEvent({ type: "caption" }, { sequence: 2, flags: RESENT }), null);
});

test("an interruption that was missed silences as soon as it is known", () => {
  const dialogue = new Dialogue().ready();
  dialogue.hear(AUDIO_OUT, PCM, { generation: 1 });
  dialogue.open();
  const { flush, takeover } = dialogue.resumed({ sequence: 1, generation: 2 });
  assert.deepEqual([flush, takeover], [2, null]);
  dialogue.open();
  assert.equal(dialogue.resumed({ sequence: 1, generation: 2 }).flush, null);
});

test("a call restored from what was stored goes on, whatever its numbers", () => {
  const dialogue = new Dialogue().ready();
  dialogue.connection.text("uno");
  dialogue.said();
  for (let i = 0; i < 5; i++) dialogue.hear(AUDIO_OUT, PCM, { generation: 4 });
  dialogue.open();
  const resumed = dialogue.resumed({ sequence: 0 }, { restored: true, resumeToken: "token-2" });
  assert.deepEqual([resumed.flush, resumed.takeover], [null, { generation: 0, position: null }]);
  const [, again] = dialogue.said();
  assert.deepEqual([again.sequence, again.flags], [1, RESENT]);
  assert.notEqual(dialogue.hear(AUDIO_OUT, PCM, { sequence: 0 }), null);
  dialogue.connection.text("dos");
  assert.equal(dialogue.said()[0].sequence, 2);
  assert.equal(text(dialogue.open().said()[0]), "token-2");
});

test("what is said of a call that isn't resumed is not counted, and the unknown is told by the close", () => {
  const dialogue = new Dialogue().ready();
  dialogue.hearEvent({ type: "caption" });
  dialogue.open();
  const busy = { type: "error", code: "throttled" };
  assert.deepEqual(dialogue.hearEvent(busy, { sequence: 0 }), { kind: "event", event: busy });
  assert.equal(dialogue.hearEvent({ type: "error", code: "unknown_call" }, { sequence: 0 }), null);
});

// A page that was loaded again

const RELOADED = { resume: { token: "token-7", position: 24_000 } };

test("a page that remembers nothing says so, and what was heard", () => {
  const dialogue = new Dialogue(RELOADED);
  assert.equal(dialogue.connection.isBegun, true);
  const [resume] = dialogue.said();
  assert.deepEqual(
    [resume.type, resume.flags, resume.sequence, resume.generation, resume.position],
    [RESUME, FIRST, 0, 0, 24_000],
  );
  assert.equal(text(resume), "token-7");
});

test("it counts on from where the server is, and takes what comes in any order", () => {
  const dialogue = new Dialogue(RELOADED);
  dialogue.said();
  dialogue.connection.text("hola");
  const header = { sequence: 40, generation: 3, position: 24_000 };
  const { takeover, flush } = dialogue.resumed(header);
  assert.deepEqual([takeover, flush], [{ generation: 3, position: 24_000 }, null]);
  assert.equal(dialogue.said()[0].sequence, 40);
  assert.notEqual(dialogue.hearEvent({ type: "caption" }, { sequence: 90 }), null);
  const again = { sequence: 80, position: 24_000, flags: RESENT };
  assert.notEqual(dialogue.hear(AUDIO_OUT, PCM, again), null);
  assert.notEqual(dialogue.hearEvent({ type: "caption" }, { sequence: 91 }), null);
  const { type, flags, sequence } = dialogue.open().said()[0];
  assert.deepEqual([type, flags, sequence], [RESUME, 0, 92]);
});

test("of what the page before had typed, that is said which did not come, and before anything new", () => {
  const unsaid = [
    { sequence: 38, text: "uno" },
    { sequence: 40, text: "dos" },
    { sequence: null, text: "tres" },
  ];
  const dialogue = new Dialogue({ resume: { ...RELOADED.resume, unsaid } });
  dialogue.connection.text("cuatro");
  const all = ["uno", "dos", "tres", "cuatro"];
  assert.deepEqual(
    dialogue.connection.unsaidTexts.map(({ text }) => text),
    all,
  );
  dialogue.said();
  dialogue.resumed({ sequence: 39, position: 24_000 });
  const said = dialogue.said();
  assert.deepEqual(
    said.map((frame) => [frame.sequence, eventOf(frame).text, frame.flags]),
    [
      [39, "dos", 0],
      [40, "tres", 0],
      [41, "cuatro", 0],
    ],
  );
  dialogue.open().said();
  dialogue.resumed({ sequence: 42, position: 24_000 });
  assert.deepEqual(dialogue.said(), []);
  assert.deepEqual(dialogue.connection.unsaidTexts, []);
});

test("of a chunk that was heard in part the rest is played, and of one heard wholly nothing", () => {
  const dialogue = new Dialogue(RELOADED);
  dialogue.resumed({ position: 24_000 });
  const four = Uint8Array.of(1, 0, 2, 0, 3, 0, 4, 0);
  const flags = FIRST | RESENT;
  assert.equal(dialogue.hear(AUDIO_OUT, four, { position: 23_996, flags }), null);
  const { chunk } = dialogue.hear(AUDIO_OUT, four, { position: 23_999, flags });
  assert.deepEqual([...chunk.samples], [2, 3, 4]);
  assert.deepEqual([chunk.position, chunk.first], [24_000, false]);
  assert.deepEqual(dialogue.connection.heard({ position: 24_000, atMs: 1 }), null);
});

test("until it is answered it still remembers nothing", () => {
  const dialogue = new Dialogue(RELOADED);
  dialogue.said();
  assert.equal(dialogue.open().said()[0].flags, FIRST);
});
