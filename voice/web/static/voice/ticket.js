// @ts-check
/**
 * The ticket a call begins with: what the server's answer to asking for one means. Pure.
 *
 * A busy server says so in its own words and for how long; a server that is not there, or not
 * itself, may be tried again; everything else is a refusal.
 */

/** @typedef {import("./failures.js").FailureCode} FailureCode */

/**
 * @typedef {{ kind: "ticket", ticket: string }
 *   | { kind: "busy", message: string | null, retryAfterS: number | null }
 *   | { kind: "refused" }
 *   | { kind: "down", code: FailureCode }} TicketAnswer
 */

/** @type {TicketAnswer} */
export const UNREACHABLE = Object.freeze({ kind: "down", code: "unreachable" });

/**
 * @param {number} status of HTTP
 * @param {any} body the JSON that came, or null
 * @returns {TicketAnswer}
 */
export function ticketAnswer(status, body) {
  const ticket = body?.data?.ticket;
  if (status < 300 && typeof ticket === "string") return { kind: "ticket", ticket };
  if (status === 429 || (status === 503 && body?.error)) return busy(body?.error);
  return status >= 500 ? { kind: "down", code: "server" } : { kind: "refused" };
}

/**
 * @param {any} error of the envelope, or nothing
 * @returns {TicketAnswer}
 */
function busy(error) {
  const seconds = error?.details?.retryAfterS;
  return {
    kind: "busy",
    message: typeof error?.message === "string" ? error.message : null,
    retryAfterS: typeof seconds === "number" ? Math.ceil(seconds) : null,
  };
}
