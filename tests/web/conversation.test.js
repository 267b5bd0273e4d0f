import assert from "node:assert/strict";
import test from "node:test";

import {
  beginCall,
  endCall,
  hearEvent,
  recallText,
  shownLines,
  typeText,
} from "../../voice/web/static/voice/conversation.js";

const QUIET = { position: 0, idle: true };

/** A conversation in call 1; `heard` is how far the customer has heard. */
class Talk {
  lines = [];
  heard = QUIET;
  call = 1;

  hear(event) {
    this.lines = hearEvent(this.lines, event, { call: this.call, heard: this.heard });
    return this;
  }

  say(role, stage, segment, text, position = 0, turn = 1) {
    return this.hear({ type: "caption", role, stage, turn, segment, text, position });
  }

  type(text) {
    this.lines = typeText(this.lines, { call: this.call, text });
    return this;
  }

  recall(text) {
    this.lines = recallText(this.lines, { call: this.call, text });
    return this;
  }

  at(position, idle = false) {
    this.heard = { position, idle };
    return this;
  }

  /** What is shown: one string a line, stages marked. */
  get shown() {
    return shownLines(this.lines, this.heard).map(textOf);
  }
}

const MARKS = { planned: "~", cut: "x", spoken: "" };

function textOf(line) {
  if (line.kind === "tool") return `[${line.name} ${line.outcome}]`;
  if (line.kind === "divider") return "---";
  if (line.kind === "typed") return `typed: ${line.text}`;
  const words = line.segments.map(({ stage, text }) => MARKS[stage] + text).join(" ");
  return `${line.role}: ${words}`;
}

test("the customer's words are shown as they come, whatever is being heard", () => {
  const talk = new Talk().at(0).say("user", "spoken", 1, "Hola", 9999);
  assert.deepEqual(talk.shown, ["user: Hola"]);
});

test("planned words appear with their first sample and become spoken in their place", () => {
  const talk = new Talk().say("assistant", "planned", 1, "Uno.", 0);
  talk.say("assistant", "planned", 2, "Dos.", 24_000);
  assert.deepEqual(talk.at(0).shown, []);
  assert.deepEqual(talk.at(1).shown, ["assistant: ~Uno."]);
  assert.deepEqual(talk.at(24_000).shown, ["assistant: ~Uno."]);
  assert.deepEqual(talk.at(24_001).shown, ["assistant: ~Uno. ~Dos."]);
  talk.say("assistant", "spoken", 1, "Uno.", 0);
  assert.deepEqual(talk.shown, ["assistant: Uno. ~Dos."]);
});

test("spoken words wait for their sound as well, unless none is left to come", () => {
  const talk = new Talk().say("assistant", "spoken", 1, "Uno.", 24_000);
  assert.deepEqual(talk.at(100).shown, []);
  assert.deepEqual(talk.at(100, true).shown, ["assistant: Uno."]);
});

test("an interruption cuts what was begun and forgets what was not", () => {
  const talk = new Talk().say("assistant", "planned", 1, "Uno.", 0);
  talk.say("assistant", "spoken", 1, "Uno.", 0);
  talk.say("assistant", "planned", 2, "Dos.", 100).say("assistant", "planned", 3, "Tres.", 200);
  talk.at(150).hear({ type: "interrupted", turn: 1, generation: 1 });
  assert.deepEqual(talk.shown, ["assistant: Uno. xDos."]);
  assert.equal(talk.lines[0].interrupted, true);
});

test("words that were never heard are not shown, even if the service counts them as spoken", () => {
  const talk = new Talk().say("assistant", "spoken", 1, "Uno.", 0);
  talk.say("assistant", "spoken", 2, "Dos.", 24_000);
  talk.at(100).hear({ type: "interrupted", turn: 1, generation: 1 });
  assert.deepEqual(talk.at(100, true).shown, ["assistant: Uno."]);
});

test("what was spoken after all takes the place of what was cut", () => {
  const talk = new Talk().say("assistant", "planned", 1, "Uno y dos.", 0);
  talk.at(50).hear({ type: "interrupted", turn: 1, generation: 1 });
  assert.deepEqual(talk.say("assistant", "spoken", 1, "Uno", 0).shown, ["assistant: Uno"]);
  assert.equal(talk.lines[0].interrupted, true);
});

test("of what turns out not to have been heard at all no word is left", () => {
  const talk = new Talk().say("assistant", "planned", 1, "Uno.", 0);
  talk.say("assistant", "planned", 2, "Dos.", 100);
  talk.at(150).hear({ type: "interrupted", turn: 1, generation: 1 });
  assert.deepEqual(talk.shown, ["assistant: xUno. xDos."]);
  talk.say("assistant", "spoken", 1, "Uno.", 0).say("assistant", "spoken", 2, "", 100);
  assert.deepEqual(talk.shown, ["assistant: Uno."]);
});

test("a caption that is marked so was interrupted, also where nobody saw it happen", () => {
  const talk = new Talk();
  const said = { type: "caption", role: "assistant", stage: "spoken", turn: 1, position: 0 };
  talk.hear({ ...said, segment: 1, text: "Uno.", interrupted: false });
  assert.equal(talk.lines[0].interrupted, false);
  talk.hear({ ...said, segment: 2, text: "Dos", interrupted: true });
  talk.hear({ ...said, segment: 1, text: "Uno.", interrupted: false });
  assert.equal(talk.lines[0].interrupted, true);
  talk.hear({ ...said, turn: 2, segment: 1, text: "Tres", interrupted: true });
  assert.equal(talk.lines[1].interrupted, true);
});

test("what the page before had typed stands behind all that is told of earlier, until it is told too", () => {
  const talk = new Talk().recall("dos").recall("tres");
  talk.say("user", "spoken", 1, "uno", 0, 1);
  talk.hear({ type: "tool", phase: "finished", toolUseId: "a", name: "crear", outcome: "ok" });
  talk.say("assistant", "spoken", 2, "Uno,", 0, 1).say("assistant", "spoken", 3, "sí.", 0, 1);
  const before = ["user: uno", "[crear ok]", "assistant: Uno, sí."];
  assert.deepEqual(talk.shown, [...before, "typed: dos", "typed: tres"]);
  talk.say("user", "spoken", 1, "dos", 0, 2).say("assistant", "spoken", 2, "Dos.", 0, 2);
  assert.deepEqual(talk.shown, [...before, "user: dos", "assistant: Dos.", "typed: tres"]);
  talk.type("cuatro").say("user", "spoken", 1, "tres", 0, 3);
  assert.deepEqual(talk.shown.slice(-2), ["user: tres", "typed: cuatro"]);
});

test("what the page before had typed takes its place in the talk, though what came later is told first", () => {
  const talk = new Talk().recall("uno").say("assistant", "spoken", 2, "Dos.", 0, 2);
  talk.say("user", "spoken", 1, "uno", 0, 1).say("assistant", "spoken", 2, "Uno.", 0, 1);
  assert.deepEqual(talk.shown, ["user: uno", "assistant: Uno.", "assistant: Dos."]);
});

test("an interruption leaves other turns and the customer alone", () => {
  const talk = new Talk().say("user", "spoken", 1, "Hola", 0);
  talk.say("assistant", "planned", 1, "Uno.", 0, 2);
  talk.at(50).hear({ type: "interrupted", turn: 1, generation: 1 });
  assert.deepEqual(talk.shown, ["user: Hola", "assistant: ~Uno."]);
});

test("a tool stands where it ran, and the words after it below", () => {
  const talk = new Talk().say("assistant", "spoken", 1, "Un momento.", 0);
  const tool = { type: "tool", toolUseId: "t", name: "consultarOrder" };
  talk.hear({ ...tool, phase: "started" }).at(100);
  assert.deepEqual(talk.shown.at(-1), "[consultarOrder running]");
  talk.hear({ ...tool, phase: "finished", outcome: "ok", durationMs: 5 });
  talk.say("assistant", "spoken", 2, "Está en camino.", 50);
  assert.deepEqual(talk.shown, [
    "assistant: Un momento.",
    "[consultarOrder ok]",
    "assistant: Está en camino.",
  ]);
});

test("what was said before stands before it, though it is told later", () => {
  const talk = new Talk()
    .hear({
      type: "tool",
      phase: "finished",
      toolUseId: "a",
      name: "consultarTurno",
      outcome: "ok",
    })
    .say("assistant", "spoken", 2, "Es mañana.", 0, 2)
    .say("user", "spoken", 1, "Hola", 0, 1)
    .say("assistant", "spoken", 2, "¡Hola!", 0, 1)
    .say("user", "spoken", 1, "¿Cuándo es?", 0, 2);
  assert.deepEqual(talk.shown, [
    "user: Hola",
    "assistant: ¡Hola!",
    "user: ¿Cuándo es?",
    "[consultarTurno ok]",
    "assistant: Es mañana.",
  ]);
});

test("typed words are shown at once, and the server's caption takes their place", () => {
  const talk = new Talk().type("Hola").type("Quiero un turno");
  assert.deepEqual(talk.shown, ["typed: Hola", "typed: Quiero un turno"]);
  talk.say("user", "spoken", 1, "Hola");
  assert.deepEqual(talk.shown, ["user: Hola", "typed: Quiero un turno"]);
});

test("the answer's delay stands at the turn's first line", () => {
  const talk = new Talk().say("assistant", "spoken", 1, "Uno.", 0);
  talk.hear({ type: "turn", phase: "finished", turn: 1, latency: { firstAudioMs: 812 } });
  assert.equal(talk.lines[0].latencyMs, 812);
  const before = talk.lines;
  talk.hear({ type: "turn", phase: "finished", turn: 1, latency: null });
  talk.hear({ type: "turn", phase: "finished", turn: 7, latency: { firstAudioMs: 1 } });
  assert.deepEqual(talk.lines, before);
});

test("the way to the ear is added to the turn's delay, whichever is known first", () => {
  const turn = { type: "turn", phase: "finished", turn: 1, latency: { firstAudioMs: 800 } };
  const heard = { type: "heard", position: 480, afterMs: 80.5, rttMs: 2.5 };
  for (const events of [
    [turn, heard],
    [heard, turn],
  ]) {
    const talk = new Talk().say("user", "spoken", 1, "Hola", 480);
    talk.say("assistant", "planned", 2, "Uno.", 480);
    for (const event of events) talk.hear(event);
    const { latencyMs, deliveryMs } = talk.lines[1];
    assert.deepEqual([latencyMs, deliveryMs], [800, 83]);
  }
});

test("without a round trip the rest is still added, and a reply of no known words adds nothing", () => {
  const talk = new Talk().say("assistant", "planned", 1, "Uno.", 0);
  talk.hear({ type: "heard", position: 480, afterMs: 80, rttMs: 1 });
  assert.equal(talk.lines[0].deliveryMs, 0);
  talk.hear({ type: "heard", position: 0, afterMs: 80, rttMs: null });
  assert.equal(talk.lines[0].deliveryMs, 80);
});

test("another call begins below a divider, and the old one stays to be read", () => {
  const talk = new Talk().say("assistant", "spoken", 1, "Uno.", 24_000);
  talk.say("assistant", "planned", 2, "Nunca oído.", 48_000);
  talk.hear({ type: "tool", phase: "started", toolUseId: "t", name: "x" });
  talk.lines = beginCall(endCall(talk.lines, talk.heard), 2);
  talk.call = 2;
  talk.at(0).say("assistant", "planned", 1, "Otra.", 0);
  assert.deepEqual(talk.shown, ["assistant: Uno.", "[x failed]", "---"]);
  assert.deepEqual(talk.at(1).shown.at(-1), "assistant: ~Otra.");
});

test("the first call needs no divider", () => {
  assert.deepEqual(beginCall([], 1), []);
});

test("events of other kinds change nothing", () => {
  const talk = new Talk().type("Hola");
  const before = talk.lines;
  assert.equal(talk.hear({ type: "ready" }).lines, before);
});
