// @ts-check
/** Names for what can go wrong; the template holds a sentence for each, with what to do. Pure. */

/**
 * @typedef {"mic-denied" | "mic-missing" | "mic-busy" | "mic-insecure" | "mic-lost"
 *   | "unsupported" | "unreachable" | "refused" | "busy" | "lost" | "protocol" | "server"} FailureCode
 */

/** @type {Record<string, FailureCode>} */
const MICROPHONE = {
  NotAllowedError: "mic-denied",
  SecurityError: "mic-denied",
  NotFoundError: "mic-missing",
  OverconstrainedError: "mic-missing",
  NotReadableError: "mic-busy",
  AbortError: "mic-busy",
};

/** @type {Record<number, FailureCode>} */
const CLOSE = {
  1002: "protocol",
  1003: "protocol",
  1007: "protocol",
  1008: "protocol",
  1009: "protocol",
  1011: "server",
  1013: "busy",
  4002: "protocol",
  4401: "refused",
  4403: "refused",
  4429: "busy",
};

/**
 * @param {unknown} error what `getUserMedia` threw
 * @returns {FailureCode}
 */
export function microphoneFailure(error) {
  const name = error instanceof Error ? error.name : "";
  return MICROPHONE[name] ?? "mic-busy";
}

/**
 * What is told of a call when its last connection has closed. A call that goes on elsewhere, and one
 * that was over already, have not failed.
 *
 * @param {{ code: number, opened: boolean, isBegun: boolean }} closed a socket that never opened,
 *   though the server had given a ticket for it, was turned away
 * @returns {{ type: "failed", code: FailureCode } | { type: "ended", reason: "elsewhere" | "gone" }}
 */
export function closeAction({ code, opened, isBegun }) {
  if (code === 4404) return { type: "ended", reason: "gone" };
  if (code === 4409) return { type: "ended", reason: "elsewhere" };
  if (!opened && !isBegun) return { type: "failed", code: "refused" };
  return { type: "failed", code: CLOSE[code] ?? "lost" };
}

/**
 * Whether the way on is the big button and not another try of the same.
 *
 * @param {string} code
 */
export function isMicrophoneFailure(code) {
  return code.startsWith("mic-");
}
