import assert from "node:assert/strict";
import { test } from "node:test";

import { retryAfterMs, retryDelayMs } from "../src/retry.ts";

test("the delay doubles with each failure, half of it random, up to half a minute", () => {
  // 500 ms doubled twice is 2,000: half fixed, half times the random share.
  assert.equal(retryDelayMs(3, 0, 0), 1000);
  assert.equal(retryDelayMs(3, 0, 0.5), 1500);
  assert.equal(retryDelayMs(40, 0, 0), 15_000);
});

test("the server's wish is the least that is waited", () => {
  assert.equal(retryDelayMs(1, 9000, 0.99), 9000);
});

test("a Retry-After that makes no sense asks for nothing", () => {
  assert.equal(retryAfterMs(null, 0), 0);
  assert.equal(retryAfterMs("soon", 0), 0);
  assert.equal(retryAfterMs("-5", 0), 0);
});

test("a Retry-After date in the past asks for nothing", () => {
  assert.equal(retryAfterMs("Thu, 01 Jan 2026 00:00:00 GMT", Date.parse("2026-02-01T00:00:00Z")), 0);
});
