// @ts-check
/**
 * What both sides said, as a list of entries to show: pure functions from one list to the next.
 *
 * The assistant's captions arrive twice: planned, shortly before they are heard, and spoken, once the
 * service knows what was said. The spoken one replaces the planned one. Both carry the downlink
 * position at which their audio starts. A segment is shown once the customer has heard its first
 * sample, so that reading and hearing go together; if no audio is left to play, spoken segments are
 * shown at once. An interruption marks the turn: segments that had not started to play are
 * never shown, and those that had stay as cut, unless the service still says how much of them was
 * heard.
 *
 * Typed texts are shown as they are sent, and the server's caption of them takes their place.
 */

/** @typedef {import("./wire.js").WireEvent} WireEvent */

/**
 * @typedef {object} Segment
 * @property {number} number
 * @property {"planned" | "spoken" | "cut"} stage
 * @property {string} text
 * @property {number} position Downlink position at which its audio starts.
 */

/**
 * @typedef {object} SpeechEntry
 * @property {"speech"} kind
 * @property {string} id
 * @property {number} call
 * @property {number} turn
 * @property {"user" | "assistant"} role
 * @property {Segment[]} segments
 * @property {boolean} isInterrupted
 */

/**
 * @typedef {object} TypedEntry
 * @property {"typed"} kind
 * @property {string} id
 * @property {number} call
 * @property {string} text
 * @property {boolean} isRestored Typed before the page was loaded again. It stays last: captions of
 *   earlier turns may still arrive.
 */

/** @typedef {{ kind: "divider", id: string, call: number }} DividerEntry */
/** @typedef {"running" | "ok" | "proposed" | "refused" | "failed"} ToolOutcome */
/**
 * @typedef {{ kind: "tool", id: string, call: number, name: string, outcome: ToolOutcome }} ToolEntry
 */
/** @typedef {SpeechEntry | TypedEntry | ToolEntry | DividerEntry} Entry */

/**
 * How far the customer has heard: a downlink position, and whether no audio is left to play.
 *
 * @typedef {{ position: number, isIdle: boolean }} Playback
 */

/**
 * Start another call, below a divider unless it is the first one.
 *
 * @param {Entry[]} entries
 * @param {number} call Counts from 1.
 * @returns {Entry[]}
 */
export function startCall(entries, call) {
  if (entries.length === 0) return entries;
  return [...entries, { kind: "divider", id: `call-${call}`, call }];
}

/**
 * Add a text that the customer has just typed.
 *
 * @param {Entry[]} entries
 * @param {{ call: number, text: string }} typed
 * @returns {Entry[]}
 */
export function addTypedText(entries, { call, text }) {
  const id = `typed-${entries.length}`;
  return [...entries, { kind: "typed", id, call, text, isRestored: false }];
}

/**
 * Add a text that the customer typed before the page was loaded again.
 *
 * @param {Entry[]} entries
 * @param {{ call: number, text: string }} typed
 * @returns {Entry[]}
 */
export function addRestoredText(entries, { call, text }) {
  const id = `typed-${entries.length}`;
  return [...entries, { kind: "typed", id, call, text, isRestored: true }];
}

/**
 * Apply an event of the wire; those that show nothing change nothing.
 *
 * @param {Entry[]} entries
 * @param {WireEvent} event
 * @param {{ call: number, playback: Playback }} now
 * @returns {Entry[]}
 */
export function applyEvent(entries, event, { call, playback }) {
  switch (event.type) {
    case "caption":
      return addCaption(entries, /** @type {any} */ (event), call);
    case "tool":
      return addTool(entries, /** @type {any} */ (event), call);
    case "interrupted":
      return interruptTurn(entries, { call, turn: Number(event.turn), playback });
    default:
      return entries;
  }
}

/**
 * Where the customer skipped the rest of a reply. The server does not know of it, and its captions of
 * what was not heard still arrive.
 *
 * @typedef {{ call: number, turn: number, position: number }} Skip
 */

/**
 * Return the skip of the reply that is playing; null if there is none.
 *
 * @param {Entry[]} entries
 * @param {{ call: number, playback: Playback }} now
 * @returns {Skip | null}
 */
export function skipOfReply(entries, { call, playback }) {
  const entry = entries.findLast(
    (one) =>
      one.kind === "speech" &&
      one.call === call &&
      one.role === "assistant" &&
      one.segments.some((segment) => hasStarted(segment, playback)),
  );
  if (entry === undefined) return null;
  const { turn } = /** @type {SpeechEntry} */ (entry);
  return { call, turn, position: playback.position };
}

/**
 * Cut the skipped replies: what starts after the skip is left out, what was playing then is cut.
 *
 * @param {Entry[]} entries
 * @param {Skip[]} skips
 * @returns {Entry[]}
 */
export function applySkips(entries, skips) {
  return skips.reduce(applySkip, entries);
}

/**
 * @param {Entry[]} entries
 * @param {Skip} skip
 * @returns {Entry[]}
 */
function applySkip(entries, { call, turn, position }) {
  /** @param {Segment} segment */
  const wasHeard = (segment) => segment.position < position;
  const last = entries.findLastIndex(
    (entry) => isSpeechOf(entry, call, turn, "assistant") && entry.segments.some(wasHeard),
  );
  return entries.map((entry, i) => {
    if (!isSpeechOf(entry, call, turn, "assistant")) return entry;
    const segments = entry.segments.filter(wasHeard);
    if (i !== last) return { ...entry, segments };
    const cut = /** @type {Segment} */ (segments.at(-1));
    return { ...entry, isInterrupted: true, segments: segments.with(-1, { ...cut, stage: "cut" }) };
  });
}

/**
 * End the call: cut planned segments, and mark running tools as failed.
 *
 * @param {Entry[]} entries
 * @param {Playback} playback
 * @returns {Entry[]}
 */
export function endCall(entries, playback) {
  const isKept = (/** @type {Segment} */ segment) =>
    segment.stage !== "planned" || hasStarted(segment, playback);
  return entries
    .map((entry) => (hasPlannedSegment(entry) ? cutEntry(entry, isKept) : entry))
    .map(finalizeEntry);
}

/**
 * Return the entry as it stays after the call. Its segments lose their positions, or the audio of a
 * later call could hide them.
 *
 * @param {Entry} entry
 * @returns {Entry}
 */
function finalizeEntry(entry) {
  if (entry.kind === "tool" && entry.outcome === "running") return { ...entry, outcome: "failed" };
  if (entry.kind !== "speech") return entry;
  return { ...entry, segments: entry.segments.map((segment) => ({ ...segment, position: -1 })) };
}

/**
 * Return what the customer may see by now: entries with the segments that have started to play.
 *
 * @param {Entry[]} entries
 * @param {Playback} playback
 * @returns {Entry[]}
 */
export function visibleEntries(entries, playback) {
  /** @param {Entry} entry @returns {Entry[]} */
  const visible = (entry) => {
    if (entry.kind !== "speech") return [entry];
    const segments = entry.segments.filter((segment) => isVisible(entry, segment, playback));
    return segments.length === 0 ? [] : [{ ...entry, segments }];
  };
  return entries.flatMap(visible);
}

/**
 * @param {SpeechEntry} entry
 * @param {Segment} segment
 * @param {Playback} playback
 */
function isVisible({ role }, segment, playback) {
  if (role === "user" || segment.stage === "cut") return true;
  return hasStarted(segment, playback) || (playback.isIdle && segment.stage === "spoken");
}

/**
 * Return whether the customer has heard the first sample of a segment.
 *
 * @param {Segment} segment
 * @param {Playback} playback
 */
function hasStarted({ position }, playback) {
  return playback.position > position;
}

// Captions

/** @typedef {{ role: "user" | "assistant", stage: "planned" | "spoken", turn: number,
 *   segment: number, text: string, position: number, interrupted?: boolean }} CaptionEvent */

/**
 * @param {Entry[]} entries
 * @param {CaptionEvent} caption
 * @param {number} call
 * @returns {Entry[]}
 */
function addCaption(entries, caption, call) {
  const { role, stage, turn, segment: number, text, position, interrupted = false } = caption;
  const segment = { number, stage, text, position };
  const index = findEntryOfSegment(entries, { call, turn, role, number });
  if (index >= 0) return withSegment(entries, index, segment, interrupted);
  return insertSpeech(entries, {
    kind: "speech",
    id: `${call}-${turn}-${role}-${number}`,
    call,
    turn,
    role,
    segments: [segment],
    isInterrupted: interrupted,
  });
}

/**
 * Return the index of the entry that a segment belongs to: the one that already has a segment of its
 * number, else the newest entry if it is of the same turn and role; -1 if there is none.
 *
 * @param {Entry[]} entries
 * @param {{ call: number, turn: number, role: string, number: number }} key
 * @returns {number}
 */
function findEntryOfSegment(entries, { call, turn, role, number }) {
  const existing = entries.findIndex(
    (entry) =>
      isSpeechOf(entry, call, turn, role) && entry.segments.some((one) => one.number === number),
  );
  if (existing >= 0) return existing;
  const newest = endIndex(entries) - 1;
  return newest >= 0 && isSpeechOf(entries[newest], call, turn, role) ? newest : -1;
}

/**
 * Insert a new entry in the order of turns; a typed text that it repeats makes way for it.
 *
 * @param {Entry[]} entries
 * @param {SpeechEntry} speech
 * @returns {Entry[]}
 */
function insertSpeech(entries, speech) {
  const typed = speech.role === "user" ? findTypedText(entries, speech) : -1;
  if (typed >= 0 && !isRestoredText(entries[typed])) return entries.with(typed, speech);
  const others = entries.filter((_, i) => i !== typed);
  const latestIndex = typed < 0 ? others.length : typed;
  return others.toSpliced(Math.min(insertionIndex(others, speech), latestIndex), 0, speech);
}

/**
 * Return where a new entry belongs: last, but before entries of later turns. A page that was loaded
 * again may receive those first.
 *
 * @param {Entry[]} entries
 * @param {SpeechEntry} speech
 * @returns {number}
 */
function insertionIndex(entries, speech) {
  const later = entries.findIndex((entry) => isLater(entry, speech));
  if (later < 0) return endIndex(entries);
  let index = later;
  while (index > 0 && entries[index - 1].kind === "tool") index -= 1;
  return index;
}

/**
 * Return where the newest entry belongs: last, but before restored texts.
 *
 * @param {Entry[]} entries
 * @returns {number}
 */
function endIndex(entries) {
  const restored = entries.findIndex(isRestoredText);
  return restored < 0 ? entries.length : restored;
}

/** @param {Entry} entry */
function isRestoredText(entry) {
  return entry.kind === "typed" && entry.isRestored;
}

/**
 * @param {Entry} entry
 * @param {SpeechEntry} speech
 */
function isLater(entry, { call, turn, segments: [{ number }] }) {
  if (entry.kind !== "speech" || entry.call !== call || entry.segments.length === 0) return false;
  return entry.turn > turn || (entry.turn === turn && entry.segments[0].number > number);
}

/**
 * @param {Entry} entry
 * @param {number} call
 * @param {number} turn
 * @param {string} role
 * @returns {entry is SpeechEntry}
 */
function isSpeechOf(entry, call, turn, role) {
  return (
    entry.kind === "speech" && entry.call === call && entry.turn === turn && entry.role === role
  );
}

/**
 * Replace the segment of this number, or add it. A segment without text is removed.
 *
 * @param {Entry[]} entries
 * @param {number} index Of a speech entry.
 * @param {Segment} segment
 * @param {boolean} isInterrupted
 * @returns {Entry[]}
 */
function withSegment(entries, index, segment, isInterrupted) {
  const entry = /** @type {SpeechEntry} */ (entries[index]);
  const others = entry.segments.filter(({ number }) => number !== segment.number);
  const added = segment.text.trim() === "" ? [] : [segment];
  const segments = [...others, ...added].sort((a, b) => a.number - b.number);
  return entries.with(index, {
    ...entry,
    segments,
    isInterrupted: entry.isInterrupted || isInterrupted,
  });
}

/**
 * Return the index of the typed text that a caption repeats, or -1.
 *
 * @param {Entry[]} entries
 * @param {SpeechEntry} caption
 * @returns {number}
 */
function findTypedText(entries, { call, segments: [segment] }) {
  const text = segment.text.trim();
  return entries.findIndex(
    (entry) => entry.kind === "typed" && entry.call === call && entry.text.trim() === text,
  );
}

// Interruptions

/**
 * @param {Entry[]} entries
 * @param {{ call: number, turn: number, playback: Playback }} interruption
 * @returns {Entry[]}
 */
function interruptTurn(entries, { call, turn, playback }) {
  return entries.map((entry) =>
    isSpeechOf(entry, call, turn, "assistant")
      ? cutEntry(entry, (segment) => hasStarted(segment, playback))
      : entry,
  );
}

/**
 * Return whether the service has yet to confirm a segment of the entry.
 *
 * @param {Entry} entry
 * @returns {entry is SpeechEntry}
 */
function hasPlannedSegment(entry) {
  return entry.kind === "speech" && entry.segments.some(({ stage }) => stage === "planned");
}

/**
 * Interrupt an entry: drop the segments that are not kept, and mark planned ones as cut.
 *
 * @param {SpeechEntry} entry
 * @param {(segment: Segment) => boolean} isKept
 * @returns {SpeechEntry}
 */
function cutEntry(entry, isKept) {
  const segments = entry.segments.filter(isKept).map(cutSegment);
  return { ...entry, isInterrupted: true, segments };
}

/** @param {Segment} segment @returns {Segment} */
function cutSegment(segment) {
  return segment.stage === "planned" ? { ...segment, stage: "cut" } : segment;
}

// Tools

/**
 * @param {Entry[]} entries
 * @param {{ phase: string, toolUseId: string, name: string, outcome?: ToolOutcome }} tool
 * @param {number} call
 * @returns {Entry[]}
 */
function addTool(entries, { phase, toolUseId, name, outcome = "ok" }, call) {
  const id = `${call}-tool-${toolUseId}`;
  /** @type {ToolEntry} */
  const entry = {
    kind: "tool",
    id,
    call,
    name,
    outcome: phase === "finished" ? outcome : "running",
  };
  const index = entries.findIndex((other) => other.id === id);
  return index >= 0 ? entries.with(index, entry) : entries.toSpliced(endIndex(entries), 0, entry);
}

/**
 * Return what was done in a call: the names of the tools that succeeded, in order.
 *
 * @param {Entry[]} entries
 * @param {number} call
 * @returns {string[]}
 */
export function finishedTools(entries, call) {
  return entries.flatMap((entry) =>
    entry.kind === "tool" && entry.call === call && entry.outcome === "ok" ? [entry.name] : [],
  );
}
