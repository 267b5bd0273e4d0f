// @ts-check
/**
 * The state of the call as the customer sees it: a pure reducer.
 *
 *     idle ──dialled──► opening ──ready──► live ──ended, failed, hung-up──► idle
 *
 * Within `live`, what the assistant does is told by two flags and not by a state of its own, for
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
 * @property {boolean} retrying
 * @property {"off" | "wanted" | "asked" | "on"} microphone `asked`: the browser is asking the
 *   customer, and has been for a while
 * @property {boolean} waiting the customer has spoken and the assistant has not answered yet
 * @property {boolean} speaking the assistant is heard
 * @property {boolean} muffled the browser keeps the sound back until it is touched
 * @property {Failure | null} failure
 * @property {string | null} ended why the last call is over, where nothing went wrong
 */

/**
 * @typedef {{ type: "dialled", withMicrophone: boolean }
 *   | { type: "microphone-wanted" }
 *   | { type: "microphone-asked" }
 *   | { type: "microphone-opened" }
 *   | { type: "microphone-failed", code: FailureCode }
 *   | { type: "retrying" }
 *   | { type: "ready" }
 *   | { type: "asked" }
 *   | { type: "playback", speaking: boolean }
 *   | { type: "answered" }
 *   | { type: "sound", running: boolean }
 *   | { type: "error-said", message: string }
 *   | { type: "ended", reason: string }
 *   | { type: "failed", code: FailureCode }
 *   | { type: "hung-up" }} Action
 */

/** @type {CallState} */
export const IDLE = Object.freeze({
  phase: "idle",
  retrying: false,
  microphone: "off",
  waiting: false,
  speaking: false,
  muffled: false,
  failure: null,
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
      return { ...IDLE, phase: "opening", microphone: action.withMicrophone ? "wanted" : "off" };
    case "hung-up":
      return IDLE;
    case "failed":
      return { ...IDLE, failure: state.failure ?? { code: action.code } };
    case "playback":
      return played(state, action.speaking);
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
    case "asked":
      return { ...state, waiting: true, failure: null };
    case "answered":
      return { ...state, waiting: false };
    case "sound":
      return { ...state, muffled: state.phase === "live" && !action.running };
    case "error-said":
      return { ...state, failure: { code: "said", message: action.message } };
    case "ended":
      return { ...IDLE, speaking: state.speaking, failure: state.failure, ended: action.reason };
    default:
      return state;
  }
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
 * @returns {"idle" | "asking" | "connecting" | "retrying" | "listening" | "thinking" | "speaking"
 *   | "typing" | "ended" | "failed"}
 */
export function statusOf(state) {
  if (state.phase === "opening") return openingStatus(state);
  if (state.speaking) return "speaking";
  if (state.phase === "idle") return idleStatus(state);
  if (state.microphone === "asked") return "asking";
  if (state.waiting) return "thinking";
  return state.microphone === "on" ? "listening" : "typing";
}

/** @param {CallState} state */
function idleStatus({ ended, failure }) {
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
