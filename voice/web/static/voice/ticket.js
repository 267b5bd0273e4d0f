// @ts-check
/** Interprets the server's response to a request for a ticket, which a call needs to start. Pure. */

/** @typedef {import("./failures.js").FailureCode} FailureCode */

/**
 * `busy`: the server says when to try again, in its own text. `unavailable`: the server is not there
 * or has an error of its own, and may be tried again. `refused`: everything else.
 *
 * @typedef {{ kind: "ticket", ticket: string }
 *   | { kind: "busy", message: string | null, retryAfterS: number | null }
 *   | { kind: "refused" }
 *   | { kind: "unavailable", code: FailureCode }} TicketResult
 */

/** @type {TicketResult} */
export const UNREACHABLE = Object.freeze({ kind: "unavailable", code: "unreachable" });

/**
 * @param {number} status HTTP status.
 * @param {any} body The JSON body, or null.
 * @returns {TicketResult}
 */
export function parseTicketResponse(status, body) {
  const ticket = body?.data?.ticket;
  if (status < 300 && typeof ticket === "string") return { kind: "ticket", ticket };
  if (status === 429 || (status === 503 && body?.error)) return busyResult(body?.error);
  return status >= 500 ? { kind: "unavailable", code: "server" } : { kind: "refused" };
}

/**
 * @param {any} error Of the response's envelope, if it has one.
 * @returns {TicketResult}
 */
function busyResult(error) {
  const seconds = error?.details?.retryAfterS;
  return {
    kind: "busy",
    message: typeof error?.message === "string" ? error.message : null,
    retryAfterS: typeof seconds === "number" ? Math.ceil(seconds) : null,
  };
}
