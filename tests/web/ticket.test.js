import assert from "node:assert/strict";
import test from "node:test";

import { parseTicketResponse } from "../../voice/web/static/voice/ticket.js";

const errorBody = (message, retryAfterS) => ({
  success: false,
  error: { code: "busy", message, details: { retryAfterS } },
});

test("a ticket is read from the envelope", () => {
  const body = { success: true, data: { ticket: "abc", expiresInS: 60 }, message: "" };
  assert.deepEqual(parseTicketResponse(201, body), { kind: "ticket", ticket: "abc" });
});

for (const status of [429, 503]) {
  test(`a ${status} carries the server's message and delay`, () => {
    assert.deepEqual(parseTicketResponse(status, errorBody("Estamos ocupados.", 11.2)), {
      kind: "busy",
      message: "Estamos ocupados.",
      retryAfterS: 12,
    });
  });
}

test("a 429 of a proxy has no message", () => {
  const busy = { kind: "busy", message: null, retryAfterS: null };
  assert.deepEqual(parseTicketResponse(429, null), busy);
  assert.deepEqual(parseTicketResponse(429, { error: { message: 3, details: null } }), busy);
});

test("a server error is unavailable", () => {
  for (const status of [500, 502, 504]) {
    assert.deepEqual(parseTicketResponse(status, null), { kind: "unavailable", code: "server" });
  }
  assert.deepEqual(parseTicketResponse(503, null), { kind: "unavailable", code: "server" });
});

test("any other response is a errorBody", () => {
  for (const status of [403, 404, 405]) {
    assert.deepEqual(parseTicketResponse(status, errorBody("No.", 1)), { kind: "refused" });
  }
  assert.deepEqual(parseTicketResponse(201, { data: {} }), { kind: "refused" });
});
