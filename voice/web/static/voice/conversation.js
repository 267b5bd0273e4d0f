// @ts-check
/**
 * What both sides said, as lines to show: pure functions over a list of lines.
 *
 * Theory. The assistant's words come twice: planned, shortly before they are heard, and spoken,
 * when the service has settled what was said; the second replaces the first. Both carry the position
 * in the downlink at which their sound starts. A segment is shown once the customer has heard its
 * first sample, so that reading and hearing go together; where nothing is left to hear, what was
 * spoken is shown at once. An interruption marks the turn. What the customer had not begun to hear of
 * it is never shown; what was begun stays, cut, unless the service still says how far it came.
 *
 * The customer's typed words are shown as they are sent, and the server's caption of them takes
 * their place.
 */

/** @typedef {import("./connection.js").WireEvent} WireEvent */

/**
 * @typedef {object} Segment
 * @property {number} number
 * @property {"planned" | "spoken" | "cut"} stage
 * @property {string} text
 * @property {number} position
 */

/**
 * @typedef {object} SpeechLine
 * @property {"speech"} kind
 * @property {string} id
 * @property {number} call
 * @property {number} turn
 * @property {"user" | "assistant"} role
 * @property {Segment[]} segments
 * @property {boolean} interrupted
 * @property {number | null} latencyMs from the customer's last words to the first sound, as far as
 *   the server sees it
 * @property {number} deliveryMs from there to the ear
 */

/**
 * @typedef {object} TypedLine
 * @property {"typed"} kind
 * @property {string} id
 * @property {number} call
 * @property {string} text
 * @property {boolean} recalled typed on the page of before, and the newest there is: what was said
 *   earlier may still be told
 */

/** @typedef {{ kind: "divider", id: string, call: number }} DividerLine */
/** @typedef {"running" | "ok" | "refused" | "failed"} Outcome */
/** @typedef {{ kind: "tool", id: string, call: number, name: string, outcome: Outcome }} ToolLine */
/** @typedef {SpeechLine | TypedLine | ToolLine | DividerLine} Line */

/** @typedef {{ position: number, idle: boolean }} Heard how far the customer has heard */

/**
 * @param {Line[]} lines
 * @param {number} call counts from 1
 * @returns {Line[]}
 */
export function beginCall(lines, call) {
  return lines.length === 0 ? lines : [...lines, { kind: "divider", id: `call-${call}`, call }];
}

/**
 * @param {Line[]} lines
 * @param {{ call: number, text: string }} typed
 * @returns {Line[]}
 */
export function typeText(lines, { call, text }) {
  return [...lines, { kind: "typed", id: `typed-${lines.length}`, call, text, recalled: false }];
}

/**
 * @param {Line[]} lines
 * @param {{ call: number, text: string }} typed on the page of before
 * @returns {Line[]}
 */
export function recallText(lines, { call, text }) {
  return [...lines, { kind: "typed", id: `typed-${lines.length}`, call, text, recalled: true }];
}

/**
 * @param {Line[]} lines
 * @param {WireEvent} event
 * @param {{ call: number, heard: Heard }} now
 * @returns {Line[]}
 */
export function hearEvent(lines, event, { call, heard }) {
  switch (event.type) {
    case "caption":
      return addCaption(lines, /** @type {any} */ (event), call);
    case "tool":
      return addTool(lines, /** @type {any} */ (event), call);
    case "interrupted":
      return interrupt(lines, { call, turn: Number(event.turn), heard });
    case "turn":
      return addLatency(lines, /** @type {any} */ (event), call);
    case "heard":
      return addDelivery(lines, /** @type {any} */ (event), call);
    default:
      return lines;
  }
}

/**
 * @param {Line[]} lines
 * @param {Heard} heard
 * @returns {Line[]}
 */
export function endCall(lines, heard) {
  const isKept = (/** @type {Segment} */ s) => s.stage !== "planned" || isBegun(s, heard);
  return lines.map((line) => settled(isPlanned(line) ? cutLine(line, isKept) : line));
}

/**
 * @param {Line} line
 * @returns {Line} with no tool left running, and nothing that a later call's sound could hide
 */
function settled(line) {
  if (line.kind === "tool" && line.outcome === "running") return { ...line, outcome: "failed" };
  if (line.kind !== "speech") return line;
  return { ...line, segments: line.segments.map((segment) => ({ ...segment, position: -1 })) };
}

/**
 * @param {Line[]} lines
 * @param {Heard} heard
 * @returns {Line[]} what the customer may see by now
 */
export function shownLines(lines, heard) {
  /** @param {Line} line @returns {Line[]} */
  const shown = (line) => (line.kind === "speech" ? shownSpeech(line, heard) : [line]);
  return lines.flatMap(shown);
}

/**
 * @param {SpeechLine} line
 * @param {Heard} heard
 * @returns {SpeechLine[]}
 */
function shownSpeech(line, heard) {
  const segments = line.segments.filter((segment) => isShown(line, segment, heard));
  return segments.length === 0 ? [] : [{ ...line, segments }];
}

/**
 * @param {SpeechLine} line
 * @param {Segment} segment
 * @param {Heard} heard
 */
function isShown({ role }, segment, heard) {
  if (role === "user" || segment.stage === "cut") return true;
  return isBegun(segment, heard) || (heard.idle && segment.stage === "spoken");
}

// Captions

/** @typedef {{ role: "user" | "assistant", stage: "planned" | "spoken", turn: number,
 *   segment: number, text: string, position: number, interrupted?: boolean }} CaptionEvent */

/**
 * @param {Line[]} lines
 * @param {CaptionEvent} caption
 * @param {number} call
 * @returns {Line[]}
 */
function addCaption(lines, caption, call) {
  const { role, stage, turn, segment: number, text, position, interrupted = false } = caption;
  const segment = { number, stage, text, position };
  const same = (/** @type {Line} */ line) => isOf(line, call, turn, role);
  const holder = lines.findIndex((line) => same(line) && holds(line, number));
  if (holder >= 0) return withSegment(lines, holder, segment, interrupted);
  const last = endOf(lines) - 1;
  if (last >= 0 && same(lines[last])) return withSegment(lines, last, segment, interrupted);
  const id = `${call}-${turn}-${role}-${number}`;
  /** @type {SpeechLine} */
  const line = {
    kind: "speech",
    id,
    call,
    turn,
    role,
    segments: [segment],
    interrupted,
    latencyMs: null,
    deliveryMs: 0,
  };
  const typed = role === "user" ? typedAs(lines, text, call) : -1;
  if (typed >= 0 && !isRecalled(lines[typed])) return lines.with(typed, line);
  const others = lines.filter((_, i) => i !== typed);
  const latest = typed < 0 ? others.length : typed;
  return others.toSpliced(Math.min(placeOf(others, line), latest), 0, line);
}

/**
 * @param {Line[]} lines
 * @param {SpeechLine} line
 * @returns {number} where it goes: last, but before what was said later, which a page that was
 *   loaded again may be told first
 */
function placeOf(lines, line) {
  const later = lines.findIndex((other) => isLater(other, line));
  if (later < 0) return endOf(lines);
  let place = later;
  while (place > 0 && lines[place - 1].kind === "tool") place -= 1;
  return place;
}

/**
 * @param {Line[]} lines
 * @returns {number} where the newest thing goes: last, but before what a page recalls
 */
function endOf(lines) {
  const recalled = lines.findIndex(isRecalled);
  return recalled < 0 ? lines.length : recalled;
}

/** @param {Line} line */
function isRecalled(line) {
  return line.kind === "typed" && line.recalled;
}

/**
 * @param {Line} other
 * @param {SpeechLine} line
 */
function isLater(other, { call, turn, segments: [{ number }] }) {
  if (other.kind !== "speech" || other.call !== call || other.segments.length === 0) return false;
  return other.turn > turn || (other.turn === turn && other.segments[0].number > number);
}

/**
 * @param {Line} line
 * @param {number} call
 * @param {number} turn
 * @param {string} role
 */
function isOf(line, call, turn, role) {
  return line.kind === "speech" && line.call === call && line.turn === turn && line.role === role;
}

/**
 * @param {Line} line
 * @param {number} number
 */
function holds(line, number) {
  return line.kind === "speech" && line.segments.some((segment) => segment.number === number);
}

/**
 * @param {Line[]} lines
 * @param {number} at
 * @param {Segment} segment replaces the one of its number, or is added; without a word, it goes
 * @param {boolean} isCut whether the customer spoke over it
 * @returns {Line[]}
 */
function withSegment(lines, at, segment, isCut) {
  const line = /** @type {SpeechLine} */ (lines[at]);
  const others = line.segments.filter(({ number }) => number !== segment.number);
  const added = segment.text.trim() === "" ? [] : [segment];
  const segments = [...others, ...added].sort((a, b) => a.number - b.number);
  return lines.with(at, { ...line, segments, interrupted: line.interrupted || isCut });
}

/**
 * @param {Line[]} lines
 * @param {string} text
 * @param {number} call
 * @returns {number} index of the typed line the caption repeats, or -1
 */
function typedAs(lines, text, call) {
  const words = text.trim();
  return lines.findIndex((l) => l.kind === "typed" && l.call === call && l.text.trim() === words);
}

// Interruptions

/**
 * @param {Line[]} lines
 * @param {{ call: number, turn: number, heard: Heard }} where
 * @returns {Line[]}
 */
function interrupt(lines, { call, turn, heard }) {
  return lines.map((line) =>
    line.kind === "speech" && isOf(line, call, turn, "assistant")
      ? cutLine(line, (segment) => isBegun(segment, heard))
      : line,
  );
}

/**
 * @param {Segment} segment
 * @param {Heard} heard
 */
function isBegun({ position }, heard) {
  return heard.position > position;
}

/**
 * @param {Line} line
 * @returns {line is SpeechLine} with something that is never going to be spoken now
 */
function isPlanned(line) {
  return line.kind === "speech" && line.segments.some(({ stage }) => stage === "planned");
}

/**
 * @param {SpeechLine} line
 * @param {(segment: Segment) => boolean} isKept
 * @returns {SpeechLine}
 */
function cutLine(line, isKept) {
  return { ...line, interrupted: true, segments: line.segments.filter(isKept).map(cutSegment) };
}

/**
 * @param {Segment} segment
 * @returns {Segment}
 */
function cutSegment(segment) {
  return segment.stage === "planned" ? { ...segment, stage: "cut" } : segment;
}

// Tools and latency

/**
 * @param {Line[]} lines
 * @param {{ phase: string, toolUseId: string, name: string, outcome?: Outcome }} tool
 * @param {number} call
 * @returns {Line[]}
 */
function addTool(lines, { phase, toolUseId, name, outcome }, call) {
  const id = `${call}-tool-${toolUseId}`;
  /** @type {ToolLine} */
  const line = { kind: "tool", id, call, name, outcome: "running" };
  if (phase === "finished") line.outcome = outcome ?? "ok";
  const at = lines.findIndex((other) => other.id === id);
  return at >= 0 ? lines.with(at, line) : lines.toSpliced(endOf(lines), 0, line);
}

/**
 * @param {Line[]} lines
 * @param {{ turn: number, latency: { firstAudioMs: number } | null }} event
 * @param {number} call
 * @returns {Line[]}
 */
function addLatency(lines, { turn, latency }, call) {
  const at = lines.findIndex((line) => isOf(line, call, turn, "assistant"));
  if (at < 0 || !latency) return lines;
  const line = /** @type {SpeechLine} */ (lines[at]);
  return lines.with(at, { ...line, latencyMs: latency.firstAudioMs });
}

/**
 * @param {Line[]} lines
 * @param {{ position: number, afterMs: number, rttMs: number | null }} heard the first sample of the
 *   reply that began there
 * @param {number} call
 * @returns {Line[]}
 */
function addDelivery(lines, { position, afterMs, rttMs }, call) {
  const at = lines.findIndex((line) => line.call === call && isSaidFrom(line, position));
  if (at < 0) return lines;
  const line = /** @type {SpeechLine} */ (lines[at]);
  return lines.with(at, { ...line, deliveryMs: afterMs + (rttMs ?? 0) });
}

/**
 * @param {Line} line
 * @param {number} position
 */
function isSaidFrom(line, position) {
  if (line.kind !== "speech" || line.role === "user") return false;
  return line.segments.some((segment) => segment.position === position);
}
