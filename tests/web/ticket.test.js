import assert from "node:assert/strict";
import test from "node:test";

import { ticketAnswer } from "../../voice/web/static/voice/ticket.js";

const refusal = (message, retryAfterS) => ({
  success: false,
  error: { code: "busy", message, details: { retryAfterS } },
});

test("a ticket is taken out of the envelope", () => {
  const body = { success: true, data: { ticket: "abc", expiresInS: 60 }, message: "" };
  assert.deepEqual(ticketAnswer(201, body), { kind: "ticket", ticket: "abc" });
});

for (const status of [429, 503]) {
  test(`a ${status} says in the server's words why, and for how long`, () => {
    assert.deepEqual(ticketAnswer(status, refusal("Estamos ocupados.", 11.2)), {
      kind: "busy",
      message: "Estamos ocupados.",
      retryAfterS: 12,
    });
  });
}

test("a 429 of somebody in between has no words", () => {
  const busy = { kind: "busy", message: null, retryAfterS: null };
  assert.deepEqual(ticketAnswer(429, null), busy);
  assert.deepEqual(ticketAnswer(429, { error: { message: 3, details: null } }), busy);
});

test("a server that isn't itself may be tried again", () => {
  for (const status of [500, 502, 504]) {
    assert.deepEqual(ticketAnswer(status, null), { kind: "down", code: "server" });
  }
  assert.deepEqual(ticketAnswer(503, null), { kind: "down", code: "server" });
});

test("everything else is a refusal", () => {
  for (const status of [403, 404, 405]) {
    assert.deepEqual(ticketAnswer(status, refusal("No.", 1)), { kind: "refused" });
  }
  assert.deepEqual(ticketAnswer(201, { data: {} }), { kind: "refused" });
});
