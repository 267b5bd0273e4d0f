// @ts-check
/**
 * The state of the call as the customer sees it: a pure reducer.
 *
 *     idle ──dialled──► opening ──ready──► live ──ended, failed, hung-up──► idle
 *              (recalled)          (resumed)
 *
 * A lost connection (`retrying`) is a flag of both, for the call goes on. Within `live`, what the assistant does is told by two flags and not by a state of its own, for
 * they overlap: it may still be speaking when the customer's next words are already with it.
 */

/** @typedef {import("./failures.js").FailureCode} FailureCode */

/**
 * What is told to the customer as gone wrong: a sentence of the template, or the server's own.
 *
 * @typedef {{ code: FailureCode } | { code: "said", message: string }} Failure
 */

/**
 * @typedef {object} CallState
 * @property {"idle" | "opening" | "live"} phase
 * @property {boolean} retrying there is no connection to the server, and one is being sought
 * @property {boolean} away the server is seeking one to the model
 * @property {"off" | "wanted" | "asked" | "on"} microphone `asked`: the browser is asking the
 *   customer, and has been for a while
 * @property {boolean} waiting the customer has spoken and the assistant has not answered yet
 * @property {number | null} askedTurn which turn that was, where the server has said it
 * @property {boolean} speaking the assistant is heard
 * @property {boolean} muffled the browser keeps the sound back until it is touched, the microphone's
 *   too
 * @property {Failure | null} failure
 * @property {number | null} waitS for so long another try would be in vain
 * @property {string | null} ended why the last call is over, where nothing went wrong
 */

/**
 * @typedef {{ type: "dialled", withMicrophone: boolean }
 *   | { type: "recalled", withMicrophone: boolean }
 *   | { type: "microphone-wanted" }
 *   | { type: "microphone-asked" }
 *   | { type: "microphone-opened" }
 *   | { type: "microphone-failed", code: FailureCode }
 *   | { type: "retrying" }
 *   | { type: "ready" }
 *   | { type: "resumed", restored: boolean }
 *   | { type: "away", away: boolean }
 *   | { type: "asked", turn?: number }
 *   | { type: "playback", speaking: boolean }
 *   | { type: "answered", turn: number }
 *   | { type: "sound", running: boolean }
 *   | { type: "error-said", message: string, retryAfterS: number | null }
 *   | { type: "turned-away", message: string | null, retryAfterS: number | null }
 *   | { type: "waited", leftS: number | null }
 *   | { type: "ended", reason: string, sounding?: boolean }
 *   | { type: "failed", code: FailureCode }
 *   | { type: "hung-up" }} Action `recalled`: a page of before had begun the call
 */

/** @type {CallState} */
export const IDLE = Object.freeze({
  phase: "idle",
  retrying: false,
  away: false,
  microphone: "off",
  waiting: false,
  askedTurn: null,
  speaking: false,
  muffled: false,
  failure: null,
  waitS: null,
  ended: null,
});

/**
 * @param {CallState} state
 * @param {Action} action
 * @returns {CallState}
 */
export function reduce(state, action) {
  switch (action.type) {
    case "dialled":
      return opening(action);
    case "recalled":
      return { ...opening(action), retrying: true };
    case "hung-up":
      return IDLE;
    case "failed":
      return { ...IDLE, failure: state.failure ?? { code: action.code }, waitS: state.waitS };
    case "playback":
      return played(state, action.speaking);
    case "sound":
      return { ...state, muffled: !action.running && isAudible(state) };
    case "waited":
      return { ...state, waitS: action.leftS };
    default:
      return state.phase === "idle" ? state : reduceCall(state, action);
  }
}

/**
 * What only means something while there is a call.
 *
 * @param {CallState} state
 * @param {Action} action
 * @returns {CallState}
 */
function reduceCall(state, action) {
  switch (action.type) {
    case "microphone-wanted":
      return { ...state, microphone: "wanted", failure: null };
    case "microphone-asked":
      return { ...state, microphone: "asked" };
    case "microphone-opened":
      return { ...state, microphone: "on" };
    case "microphone-failed":
      return { ...state, microphone: "off", failure: { code: action.code } };
    case "retrying":
      return { ...state, retrying: true };
    case "ready":
      return { ...state, phase: "live", retrying: false };
    case "resumed":
      // A server that has the call from store does not know that another one told of an absence.
      return { ...state, phase: "live", retrying: false, away: state.away && !action.restored };
    case "away":
      return { ...state, away: action.away };
    case "asked":
      return { ...state, ...asking(action), failure: null, waitS: null };
    case "answered":
      return { ...state, waiting: state.waiting && isOlder(action, state) };
    default:
      return reduceEnd(state, action);
  }
}

/**
 * What ends a call, or is about to.
 *
 * @param {CallState} state
 * @param {Action} action
 * @returns {CallState}
 */
function reduceEnd(state, action) {
  switch (action.type) {
    case "error-said":
      return { ...state, failure: said(action), waitS: action.retryAfterS };
    case "turned-away":
      return { ...IDLE, failure: said(action), waitS: action.retryAfterS };
    case "ended":
      return ended(state, action);
    default:
      return state;
  }
}

/** @param {{ turn?: number }} asked by voice, or typed just now */
function asking({ turn }) {
  return { waiting: true, askedTurn: turn ?? null };
}

/**
 * @param {{ turn: number }} answered
 * @param {CallState} state
 * @returns {boolean} whether the answer was to something asked before
 */
function isOlder({ turn }, { askedTurn }) {
  return askedTurn !== null && turn < askedTurn;
}

/** @param {{ withMicrophone: boolean }} how @returns {CallState} */
function opening({ withMicrophone }) {
  return { ...IDLE, phase: "opening", microphone: withMicrophone ? "wanted" : "off" };
}

/** @param {{ message: string | null }} told by the server @returns {Failure} */
function said({ message }) {
  return message === null ? { code: "busy" } : { code: "said", message };
}

/**
 * @param {CallState} state
 * @param {{ reason: string, sounding?: boolean }} end
 * @returns {CallState} what has come is still heard to its end
 */
function ended({ speaking, muffled, failure, waitS }, { reason, sounding = false }) {
  return { ...IDLE, speaking: speaking || sounding, muffled, failure, waitS, ended: reason };
}

/** @param {CallState} state whether there is something to be heard, or may be */
function isAudible({ phase, speaking }) {
  return phase === "live" || speaking;
}

/**
 * @param {CallState} state
 * @param {boolean} speaking
 * @returns {CallState}
 */
function played(state, speaking) {
  if (state.speaking === speaking) return state;
  return { ...state, speaking, waiting: state.waiting && !speaking };
}

/**
 * The one word of the state line.
 *
 * @param {CallState} state
 * @returns {"idle" | "asking" | "connecting" | "retrying" | "away" | "paused" | "listening"
 *   | "thinking" | "speaking" | "typing" | "ended" | "elsewhere" | "failed"}
 */
export function statusOf(state) {
  if (state.phase === "opening") return openingStatus(state);
  if (state.retrying) return "retrying";
  if (state.muffled && isMissed(state)) return "paused";
  if (state.speaking) return "speaking";
  return state.phase === "idle" ? idleStatus(state) : quietStatus(state);
}

/** @param {CallState} state @returns {boolean} whether a voice would be heard if sound could pass */
function isMissed({ speaking, microphone }) {
  return speaking || microphone === "on";
}

/** @param {CallState} state of a call in which nobody is speaking */
function quietStatus({ microphone, away, waiting }) {
  if (microphone === "asked") return "asking";
  if (away) return "away";
  if (waiting) return "thinking";
  return microphone === "on" ? "listening" : "typing";
}

/** @param {CallState} state */
function idleStatus({ ended, failure }) {
  if (ended === "elsewhere") return "elsewhere";
  if (ended !== null) return "ended";
  return failure === null ? "idle" : "failed";
}

/** @param {CallState} state */
function openingStatus(state) {
  if (state.retrying) return "retrying";
  return state.microphone === "asked" ? "asking" : "connecting";
}

/**
 * Whether the big button is pressed: the microphone is open, or about to be.
 *
 * @param {CallState} state
 */
export function isTalking(state) {
  return state.phase !== "idle" && state.microphone !== "off";
}
