import assert from "node:assert/strict";
import test from "node:test";

import { ConnectionQuality } from "../../voice/web/static/voice/connection-quality.js";

test("the round trip decides: 250 ms is good, 251 fair, 600 fair, 601 poor", () => {
  const quality = new ConnectionQuality();
  assert.equal(quality.at(0), "unknown");
  for (const [ms, expected] of [
    [250, "good"],
    [251, "fair"],
    [600, "fair"],
    [601, "poor"],
  ]) {
    quality.onRoundTrip(ms);
    assert.equal(quality.at(0), expected, String(ms));
  }
});

test("a gap in the sound makes it fair for ten seconds", () => {
  const quality = new ConnectionQuality();
  quality.onRoundTrip(20);
  quality.onStalls(1, 1000);
  quality.onStalls(1, 5000);
  assert.equal(quality.at(10_999), "fair");
  assert.equal(quality.at(11_000), "good");
});

test("without a connection it is lost, and another call starts anew", () => {
  const quality = new ConnectionQuality();
  quality.onRoundTrip(20);
  quality.onConnection(true);
  assert.equal(quality.at(0), "lost");
  quality.reset();
  assert.equal(quality.at(0), "unknown");
  assert.equal(quality.roundTripMs, null);
});
