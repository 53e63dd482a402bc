import assert from "node:assert/strict";
import { test } from "node:test";

import { newSession } from "../src/session.ts";
import { newMemoryStore } from "../src/store.ts";
import { newHandClock } from "./clock.ts";

const MINUTE_MS = 60_000;

function counted() {
  let count = 0;
  return () => `s-${(count += 1)}`;
}

test("a session lives on through gaps of up to 30 minutes", async () => {
  const clock = newHandClock();
  const session = newSession(newMemoryStore(), clock, counted());
  const first = session.touch();
  for (let visit = 0; visit < 5; visit += 1) {
    await clock.advance(30 * MINUTE_MS);
    assert.equal(session.touch(), first);
  }
});

test("a longer gap begins another session", async () => {
  const clock = newHandClock();
  const session = newSession(newMemoryStore(), clock, counted());
  session.touch();
  await clock.advance(30 * MINUTE_MS + 1);
  assert.equal(session.touch(), "s-2");
});

test("tabs share a session, and activity in one keeps it alive in the other", async () => {
  const clock = newHandClock();
  const store = newMemoryStore();
  const one = newSession(store, clock, counted());
  const two = newSession(store, clock, () => "other");
  one.touch();
  await clock.advance(20 * MINUTE_MS);
  assert.equal(two.touch(), "s-1");
  await clock.advance(20 * MINUTE_MS);
  assert.equal(one.touch(), "s-1");
});

test("an ended session is not taken up again", () => {
  const session = newSession(newMemoryStore(), newHandClock(), counted());
  session.touch();
  session.end();
  assert.equal(session.touch(), "s-2");
});
