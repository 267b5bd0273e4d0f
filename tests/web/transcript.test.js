import assert from "node:assert/strict";
import test from "node:test";

import {
  startCall,
  endCall,
  applyEvent,
  addRestoredText,
  visibleEntries,
  addTypedText,
  applySkips,
  finishedTools,
  skipOfReply,
} from "../../voice/web/static/voice/transcript.js";

const IDLE = { position: 0, isIdle: true };

/** The transcript of call 1, and how far the customer has heard. */
class TranscriptHarness {
  entries = [];
  playback = IDLE;
  call = 1;
  skips = [];

  receive(event) {
    this.entries = applyEvent(this.entries, event, { call: this.call, playback: this.playback });
    return this;
  }

  caption(role, stage, segment, text, position = 0, turn = 1) {
    return this.receive({ type: "caption", role, stage, turn, segment, text, position });
  }

  typeText(text) {
    this.entries = addTypedText(this.entries, { call: this.call, text });
    return this;
  }

  restoreText(text) {
    this.entries = addRestoredText(this.entries, { call: this.call, text });
    return this;
  }

  playedTo(position, isIdle = false) {
    this.playback = { position, isIdle };
    return this;
  }

  /** What is shown: one string per entry, with marked stages. */
  get shown() {
    const entries = applySkips(this.entries, this.skips);
    return visibleEntries(entries, this.playback).map(textOf);
  }

  skip() {
    return skipOfReply(this.entries, { call: this.call, playback: this.playback });
  }
}

const MARKS = { planned: "~", cut: "x", spoken: "" };

function textOf(entry) {
  if (entry.kind === "tool") return `[${entry.name} ${entry.outcome}]`;
  if (entry.kind === "divider") return "---";
  if (entry.kind === "typed") return `typed: ${entry.text}`;
  const text = entry.segments.map((segment) => MARKS[segment.stage] + segment.text).join(" ");
  return `${entry.role}: ${text}`;
}

test("the customer's captions are shown at once", () => {
  const harness = new TranscriptHarness().playedTo(0).caption("user", "spoken", 1, "Hola", 9999);
  assert.deepEqual(harness.shown, ["user: Hola"]);
});

test("a planned segment appears with its first sample, then becomes spoken", () => {
  const harness = new TranscriptHarness().caption("assistant", "planned", 1, "Uno.", 0);
  harness.caption("assistant", "planned", 2, "Dos.", 24_000);
  assert.deepEqual(harness.playedTo(0).shown, []);
  assert.deepEqual(harness.playedTo(1).shown, ["assistant: ~Uno."]);
  assert.deepEqual(harness.playedTo(24_000).shown, ["assistant: ~Uno."]);
  assert.deepEqual(harness.playedTo(24_001).shown, ["assistant: ~Uno. ~Dos."]);
  harness.caption("assistant", "spoken", 1, "Uno.", 0);
  assert.deepEqual(harness.shown, ["assistant: Uno. ~Dos."]);
});

test("a spoken segment waits for its audio, unless playback is idle", () => {
  const harness = new TranscriptHarness().caption("assistant", "spoken", 1, "Uno.", 24_000);
  assert.deepEqual(harness.playedTo(100).shown, []);
  assert.deepEqual(harness.playedTo(100, true).shown, ["assistant: Uno."]);
});

test("an interruption cuts started segments and drops the others", () => {
  const harness = new TranscriptHarness().caption("assistant", "planned", 1, "Uno.", 0);
  harness.caption("assistant", "spoken", 1, "Uno.", 0);
  harness
    .caption("assistant", "planned", 2, "Dos.", 100)
    .caption("assistant", "planned", 3, "Tres.", 200);
  harness.playedTo(150).receive({ type: "interrupted", turn: 1, generation: 1 });
  assert.deepEqual(harness.shown, ["assistant: Uno. xDos."]);
  assert.equal(harness.entries[0].isInterrupted, true);
});

test("a spoken segment that was never heard is not shown", () => {
  const harness = new TranscriptHarness().caption("assistant", "spoken", 1, "Uno.", 0);
  harness.caption("assistant", "spoken", 2, "Dos.", 24_000);
  harness.playedTo(100).receive({ type: "interrupted", turn: 1, generation: 1 });
  assert.deepEqual(harness.playedTo(100, true).shown, ["assistant: Uno."]);
});

test("a spoken segment replaces a cut one", () => {
  const harness = new TranscriptHarness().caption("assistant", "planned", 1, "Uno y dos.", 0);
  harness.playedTo(50).receive({ type: "interrupted", turn: 1, generation: 1 });
  assert.deepEqual(harness.caption("assistant", "spoken", 1, "Uno", 0).shown, ["assistant: Uno"]);
  assert.equal(harness.entries[0].isInterrupted, true);
});

test("an empty spoken segment removes a cut one", () => {
  const harness = new TranscriptHarness().caption("assistant", "planned", 1, "Uno.", 0);
  harness.caption("assistant", "planned", 2, "Dos.", 100);
  harness.playedTo(150).receive({ type: "interrupted", turn: 1, generation: 1 });
  assert.deepEqual(harness.shown, ["assistant: xUno. xDos."]);
  harness.caption("assistant", "spoken", 1, "Uno.", 0).caption("assistant", "spoken", 2, "", 100);
  assert.deepEqual(harness.shown, ["assistant: Uno."]);
});

test("a caption marked as interrupted marks its entry", () => {
  const harness = new TranscriptHarness();
  const caption = { type: "caption", role: "assistant", stage: "spoken", turn: 1, position: 0 };
  harness.receive({ ...caption, segment: 1, text: "Uno.", interrupted: false });
  assert.equal(harness.entries[0].isInterrupted, false);
  harness.receive({ ...caption, segment: 2, text: "Dos", interrupted: true });
  harness.receive({ ...caption, segment: 1, text: "Uno.", interrupted: false });
  assert.equal(harness.entries[0].isInterrupted, true);
  harness.receive({ ...caption, turn: 2, segment: 1, text: "Tres", interrupted: true });
  assert.equal(harness.entries[1].isInterrupted, true);
});

test("restored texts stay last until their captions arrive", () => {
  const harness = new TranscriptHarness().restoreText("dos").restoreText("tres");
  harness.caption("user", "spoken", 1, "uno", 0, 1);
  harness.receive({
    type: "tool",
    phase: "finished",
    toolUseId: "a",
    name: "crear",
    outcome: "ok",
  });
  harness
    .caption("assistant", "spoken", 2, "Uno,", 0, 1)
    .caption("assistant", "spoken", 3, "sí.", 0, 1);
  const before = ["user: uno", "[crear ok]", "assistant: Uno, sí."];
  assert.deepEqual(harness.shown, [...before, "typed: dos", "typed: tres"]);
  harness.caption("user", "spoken", 1, "dos", 0, 2).caption("assistant", "spoken", 2, "Dos.", 0, 2);
  assert.deepEqual(harness.shown, [...before, "user: dos", "assistant: Dos.", "typed: tres"]);
  harness.typeText("cuatro").caption("user", "spoken", 1, "tres", 0, 3);
  assert.deepEqual(harness.shown.slice(-2), ["user: tres", "typed: cuatro"]);
});

test("a restored text moves to its turn when its caption arrives", () => {
  const harness = new TranscriptHarness()
    .restoreText("uno")
    .caption("assistant", "spoken", 2, "Dos.", 0, 2);
  harness.caption("user", "spoken", 1, "uno", 0, 1).caption("assistant", "spoken", 2, "Uno.", 0, 1);
  assert.deepEqual(harness.shown, ["user: uno", "assistant: Uno.", "assistant: Dos."]);
});

test("an interruption leaves other turns and the customer alone", () => {
  const harness = new TranscriptHarness().caption("user", "spoken", 1, "Hola", 0);
  harness.caption("assistant", "planned", 1, "Uno.", 0, 2);
  harness.playedTo(50).receive({ type: "interrupted", turn: 1, generation: 1 });
  assert.deepEqual(harness.shown, ["user: Hola", "assistant: ~Uno."]);
});

test("a tool stays where it ran; later captions follow it", () => {
  const harness = new TranscriptHarness().caption("assistant", "spoken", 1, "Un momento.", 0);
  const tool = { type: "tool", toolUseId: "t", name: "consultarOrder" };
  harness.receive({ ...tool, phase: "started" }).playedTo(100);
  assert.deepEqual(harness.shown.at(-1), "[consultarOrder running]");
  harness.receive({ ...tool, phase: "finished", outcome: "ok", durationMs: 5 });
  harness.caption("assistant", "spoken", 2, "Está en camino.", 50);
  assert.deepEqual(harness.shown, [
    "assistant: Un momento.",
    "[consultarOrder ok]",
    "assistant: Está en camino.",
  ]);
});

test("captions that arrive late are inserted in the order of turns", () => {
  const harness = new TranscriptHarness()
    .receive({
      type: "tool",
      phase: "finished",
      toolUseId: "a",
      name: "consultarTurno",
      outcome: "ok",
    })
    .caption("assistant", "spoken", 2, "Es mañana.", 0, 2)
    .caption("user", "spoken", 1, "Hola", 0, 1)
    .caption("assistant", "spoken", 2, "¡Hola!", 0, 1)
    .caption("user", "spoken", 1, "¿Cuándo es?", 0, 2);
  assert.deepEqual(harness.shown, [
    "user: Hola",
    "assistant: ¡Hola!",
    "user: ¿Cuándo es?",
    "[consultarTurno ok]",
    "assistant: Es mañana.",
  ]);
});

test("a typed text is shown at once and replaced by its caption", () => {
  const harness = new TranscriptHarness().typeText("Hola").typeText("Quiero un turno");
  assert.deepEqual(harness.shown, ["typed: Hola", "typed: Quiero un turno"]);
  harness.caption("user", "spoken", 1, "Hola");
  assert.deepEqual(harness.shown, ["user: Hola", "typed: Quiero un turno"]);
});

test("a skipped reply is cut where the customer was, whatever captions follow", () => {
  const harness = new TranscriptHarness().caption("assistant", "planned", 1, "Uno.", 0);
  harness
    .caption("assistant", "planned", 2, "Dos.", 100)
    .caption("assistant", "planned", 3, "T.", 200);
  harness.playedTo(150);
  const skip = harness.skip();
  assert.deepEqual(skip, { call: 1, turn: 1, position: 150 });
  harness.skips = [skip];
  assert.deepEqual(harness.shown, ["assistant: ~Uno. xDos."]);

  harness.playedTo(400, true); // the rest of the reply counts as played
  harness
    .caption("assistant", "spoken", 1, "Uno.", 0)
    .caption("assistant", "spoken", 2, "Dos.", 100);
  harness.caption("assistant", "spoken", 3, "Tres.", 200);
  harness.caption("assistant", "planned", 4, "Otra.", 300, 2);
  assert.deepEqual(harness.shown, ["assistant: Uno. xDos.", "assistant: ~Otra."]);
  assert.deepEqual(
    applySkips(harness.entries, harness.skips).map((entry) => entry.isInterrupted),
    [true, false],
  );
});

test("there is nothing to skip before a reply has started to play", () => {
  const harness = new TranscriptHarness().typeText("Hola");
  harness.caption("assistant", "planned", 1, "Uno.", 100);
  assert.equal(harness.skip(), null);
});

test("what was done in a call are its tools that succeeded", () => {
  const harness = new TranscriptHarness();
  for (const [id, name, outcome] of [
    ["a", "consultarOrder", "ok"],
    ["b", "cancelarOrder", "refused"],
    ["c", "agendarTurno", "ok"],
  ]) {
    harness.receive({ type: "tool", phase: "finished", toolUseId: id, name, outcome });
  }
  assert.deepEqual(finishedTools(harness.entries, 1), ["consultarOrder", "agendarTurno"]);
  assert.deepEqual(finishedTools(harness.entries, 2), []);
});

test("another call starts below a divider; the old one stays visible", () => {
  const harness = new TranscriptHarness().caption("assistant", "spoken", 1, "Uno.", 24_000);
  harness.caption("assistant", "planned", 2, "Nunca oído.", 48_000);
  harness.receive({ type: "tool", phase: "started", toolUseId: "t", name: "x" });
  harness.entries = startCall(endCall(harness.entries, harness.playback), 2);
  harness.call = 2;
  harness.playedTo(0).caption("assistant", "planned", 1, "Otra.", 0);
  assert.deepEqual(harness.shown, ["assistant: Uno.", "[x failed]", "---"]);
  assert.deepEqual(harness.playedTo(1).shown.at(-1), "assistant: ~Otra.");
});

test("the first call has no divider", () => {
  assert.deepEqual(startCall([], 1), []);
});

test("other events change nothing", () => {
  const harness = new TranscriptHarness().typeText("Hola");
  const before = harness.entries;
  assert.equal(harness.receive({ type: "ready" }).entries, before);
});
