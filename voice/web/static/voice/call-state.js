// @ts-check
/**
 * The state of the call as the customer sees it: a pure reducer.
 *
 *     idle ──call-started, call-restored──► connecting ──ready, resumed──► active ──┐
 *      ▲                                        │                                   │
 *      └────────────── ended, failed, rejected, hung-up ◄───────────────────────────┘
 *
 * A lost connection (`isReconnecting`) is a flag and not a phase, since the call continues. So are
 * `isAwaitingReply` and `isSpeaking`: the assistant may still be speaking when the customer's next
 * input has already reached it.
 */

/** @typedef {import("./failures.js").FailureCode} FailureCode */

/**
 * A failure to show: a text of the template by its code, or the server's own text.
 *
 * @typedef {{ code: FailureCode } | { code: "server-message", message: string }} Failure
 */

/**
 * @typedef {object} CallState
 * @property {"idle" | "connecting" | "active"} phase
 * @property {boolean} isReconnecting The connection to the server is lost.
 * @property {boolean} isWaiting The server is reached but has no free line for the call.
 * @property {boolean} isAssistantAway The server has lost its connection to the model.
 * @property {"off" | "requested" | "prompting" | "on"} microphone `prompting`: the browser has been
 *   asking the customer for permission for a while.
 * @property {boolean} isMicrophoneMuted The system, or a key of the device, has silenced the microphone.
 * @property {boolean} isAwaitingReply The customer has spoken and the assistant has yet to reply.
 * @property {number | null} awaitedTurn The turn of that reply, once the server has named it.
 * @property {boolean} isSpeaking The assistant's audio is playing.
 * @property {boolean} isAudioSuspended The browser blocks audio, the microphone's too, until the
 *   customer touches the page.
 * @property {Failure | null} failure
 * @property {number | null} retryAfterS Seconds until another call can succeed.
 * @property {string | null} endReason Why the last call is over, unless it failed.
 */

/**
 * What happens to a call. `call-restored`: the page was loaded again during the call.
 * `user-input`: the customer has spoken or typed. `assistant-reply`: the assistant has answered that
 * turn.
 *
 * @typedef {{ type: "call-started", withMicrophone: boolean }
 *   | { type: "call-restored", withMicrophone: boolean }
 *   | { type: "microphone-requested" }
 *   | { type: "microphone-prompting" }
 *   | { type: "microphone-opened" }
 *   | { type: "microphone-failed", code: FailureCode }
 *   | { type: "microphone-muted", isMuted: boolean }
 *   | { type: "microphone-closed" }
 *   | { type: "reconnecting" }
 *   | { type: "waiting", message: string }
 *   | { type: "ready" }
 *   | { type: "resumed", isRestored: boolean }
 *   | { type: "assistant-away", isAway: boolean }
 *   | { type: "user-input", turn?: number }
 *   | { type: "assistant-reply", turn: number }
 *   | { type: "playback", isSpeaking: boolean }
 *   | { type: "audio-context", isRunning: boolean }
 *   | { type: "server-error", message: string, retryAfterS: number | null }
 *   | { type: "rejected", message: string | null, retryAfterS: number | null }
 *   | { type: "retry-countdown", remainingS: number | null }
 *   | { type: "ended", reason: string, hasUnplayedAudio?: boolean }
 *   | { type: "failed", code: FailureCode }
 *   | { type: "hung-up" }} Action
 */

/** @type {CallState} */
export const IDLE = Object.freeze({
  phase: "idle",
  isReconnecting: false,
  isWaiting: false,
  isAssistantAway: false,
  microphone: "off",
  isMicrophoneMuted: false,
  isAwaitingReply: false,
  awaitedTurn: null,
  isSpeaking: false,
  isAudioSuspended: false,
  failure: null,
  retryAfterS: null,
  endReason: null,
});

/**
 * Return the state after an action.
 *
 * @param {CallState} state
 * @param {Action} action
 * @returns {CallState}
 */
export function reduce(state, action) {
  switch (action.type) {
    case "call-started":
      return connecting(action);
    case "call-restored":
      return { ...connecting(action), isReconnecting: true };
    case "hung-up":
      return { ...IDLE, endReason: "client" };
    case "failed": {
      const failure = state.failure ?? { code: action.code };
      return { ...IDLE, failure, retryAfterS: state.retryAfterS };
    }
    case "playback":
      return reducePlayback(state, action.isSpeaking);
    case "audio-context": {
      const isAudible = state.phase === "active" || state.isSpeaking;
      return { ...state, isAudioSuspended: !action.isRunning && isAudible };
    }
    case "retry-countdown":
      return { ...state, retryAfterS: action.remainingS };
    default:
      return state.phase === "idle" ? state : reduceCall(state, action);
  }
}

/**
 * Handle the actions that mean something only during a call.
 *
 * @param {CallState} state
 * @param {Action} action
 * @returns {CallState}
 */
function reduceCall(state, action) {
  switch (action.type) {
    case "microphone-requested":
      return { ...state, microphone: "requested", isMicrophoneMuted: false, failure: null };
    case "microphone-prompting":
      return { ...state, microphone: "prompting" };
    case "microphone-opened":
      return { ...state, microphone: "on" };
    case "microphone-muted":
      return { ...state, isMicrophoneMuted: action.isMuted };
    case "microphone-closed":
      return { ...state, microphone: "off", isMicrophoneMuted: false };
    case "microphone-failed":
      return { ...state, microphone: "off", failure: { code: action.code } };
    case "reconnecting":
      return { ...state, isReconnecting: true };
    case "waiting":
      return { ...state, isReconnecting: false, isWaiting: true, failure: serverFailure(action) };
    case "ready":
      return { ...state, phase: "active", isReconnecting: false };
    case "resumed": {
      // A server that restores the call from storage does not know that another one was away.
      const isAssistantAway = state.isAssistantAway && !action.isRestored;
      const failure = state.isWaiting ? null : state.failure;
      const connected = { isReconnecting: false, isWaiting: false, isAssistantAway, failure };
      return { ...state, phase: "active", ...connected };
    }
    case "assistant-away":
      return { ...state, isAssistantAway: action.isAway };
    case "user-input": {
      const awaitedTurn = action.turn ?? null;
      return { ...state, isAwaitingReply: true, awaitedTurn, failure: null, retryAfterS: null };
    }
    case "assistant-reply": {
      const isEarlierTurn = state.awaitedTurn !== null && action.turn < state.awaitedTurn;
      return { ...state, isAwaitingReply: state.isAwaitingReply && isEarlierTurn };
    }
    case "server-error":
      return { ...state, failure: serverFailure(action), retryAfterS: action.retryAfterS };
    case "rejected":
      return { ...IDLE, failure: serverFailure(action), retryAfterS: action.retryAfterS };
    case "ended":
      return reduceEnd(state, action);
    default:
      return state;
  }
}

/** @param {{ withMicrophone: boolean }} call @returns {CallState} */
function connecting({ withMicrophone }) {
  return { ...IDLE, phase: "connecting", microphone: withMicrophone ? "requested" : "off" };
}

/** @param {{ message: string | null }} error @returns {Failure} */
function serverFailure({ message }) {
  return message === null ? { code: "busy" } : { code: "server-message", message };
}

/**
 * End the call, while audio that has arrived is still played.
 *
 * @param {CallState} state
 * @param {{ reason: string, hasUnplayedAudio?: boolean }} end
 * @returns {CallState}
 */
function reduceEnd(state, { reason, hasUnplayedAudio = false }) {
  const { isAudioSuspended, failure, retryAfterS } = state;
  return {
    ...IDLE,
    isSpeaking: hasUnplayedAudio,
    isAudioSuspended,
    failure,
    retryAfterS,
    endReason: reason,
  };
}

/**
 * @param {CallState} state
 * @param {boolean} isSpeaking
 * @returns {CallState}
 */
function reducePlayback(state, isSpeaking) {
  if (state.isSpeaking === isSpeaking) return state;
  return { ...state, isSpeaking, isAwaitingReply: state.isAwaitingReply && !isSpeaking };
}

/**
 * Return the status to show; the template has a text for each.
 *
 * @param {CallState} state
 * @returns {"idle" | "asking" | "connecting" | "retrying" | "waiting" | "away" | "paused" | "listening"
 *   | "muted" | "thinking" | "speaking" | "typing" | "ended" | "elsewhere" | "failed"}
 */
export function statusOf(state) {
  const { phase, microphone } = state;
  if (phase !== "idle" && state.isReconnecting) return "retrying";
  if (phase !== "idle" && state.isWaiting) return "waiting";
  if (phase === "connecting") return microphone === "prompting" ? "asking" : "connecting";
  if (state.isAudioSuspended && (state.isSpeaking || microphone === "on")) return "paused";
  if (state.isSpeaking) return "speaking";
  return phase === "idle" ? idleStatus(state) : quietStatus(state);
}

/** @param {CallState} state Of an active call without audio of the assistant. */
function quietStatus({ microphone, isMicrophoneMuted, isAssistantAway, isAwaitingReply }) {
  if (microphone === "prompting") return "asking";
  if (isAssistantAway) return "away";
  if (isAwaitingReply) return "thinking";
  if (microphone !== "on") return "typing";
  return isMicrophoneMuted ? "muted" : "listening";
}

/** @param {CallState} state */
function idleStatus({ endReason, failure }) {
  if (endReason === "elsewhere") return "elsewhere";
  if (endReason !== null) return "ended";
  if (failure?.code === "mic-insecure") return "typing";
  return failure === null ? "idle" : "failed";
}

/**
 * Return whether the call button is pressed: the microphone is open, or about to be.
 *
 * @param {CallState} state
 */
export function isMicrophoneActive(state) {
  return state.phase !== "idle" && state.microphone !== "off";
}
