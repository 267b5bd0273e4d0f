// @ts-check
/** Codes for everything that can fail; the template has a text for each, with what to do. Pure. */

import { CloseCode } from "./close-codes.js";

/**
 * @typedef {"mic-denied" | "mic-missing" | "mic-busy" | "mic-insecure" | "mic-lost"
 *   | "unsupported" | "unreachable" | "refused" | "busy" | "lost" | "protocol" | "server"} FailureCode
 */

/** By the name of the error that `getUserMedia` throws. @type {Record<string, FailureCode>} */
const MICROPHONE_FAILURES = {
  NotAllowedError: "mic-denied",
  SecurityError: "mic-denied",
  NotFoundError: "mic-missing",
  OverconstrainedError: "mic-missing",
  NotReadableError: "mic-busy",
  AbortError: "mic-busy",
};

/** @type {Record<number, FailureCode>} */
const CLOSE_FAILURES = {
  [CloseCode.PROTOCOL_ERROR]: "protocol",
  [CloseCode.UNSUPPORTED_DATA]: "protocol",
  [CloseCode.INVALID_DATA]: "protocol",
  [CloseCode.POLICY_VIOLATION]: "protocol",
  [CloseCode.MESSAGE_TOO_BIG]: "protocol",
  [CloseCode.INTERNAL_ERROR]: "server",
  [CloseCode.TRY_AGAIN_LATER]: "busy",
  [CloseCode.BAD_FRAME]: "protocol",
  [CloseCode.INVALID_TICKET]: "refused",
  [CloseCode.FORBIDDEN]: "refused",
  [CloseCode.TOO_MANY]: "busy",
};

/**
 * Return the failure that an error of `getUserMedia` stands for.
 *
 * @param {unknown} error
 * @returns {FailureCode}
 */
export function microphoneFailure(error) {
  const name = error instanceof Error ? error.name : "";
  return MICROPHONE_FAILURES[name] ?? "mic-busy";
}

/**
 * Return the outcome of a call whose last connection has closed. A call that continues in another
 * window, or was over already, has not failed.
 *
 * @param {object} closed
 * @param {number} closed.code
 * @param {boolean} closed.wasOpen Whether the socket had opened. If not, although the server gave a
 *   ticket for it, the server refused it.
 * @param {boolean} closed.isEstablished Whether the server knew the call.
 * @returns {{ type: "failed", code: FailureCode } | { type: "ended", reason: "elsewhere" | "gone" }}
 */
export function closeOutcome({ code, wasOpen, isEstablished }) {
  if (code === CloseCode.UNKNOWN_CALL) return { type: "ended", reason: "gone" };
  if (code === CloseCode.TAKEN_OVER) return { type: "ended", reason: "elsewhere" };
  if (!wasOpen && !isEstablished) return { type: "failed", code: "refused" };
  return { type: "failed", code: CLOSE_FAILURES[code] ?? "lost" };
}

/**
 * Return whether a failure concerns the microphone: the customer tries again with the call button.
 *
 * @param {string} code
 */
export function isMicrophoneFailure(code) {
  return code.startsWith("mic-");
}
