import assert from "node:assert/strict";
import { test } from "node:test";

import type { Message } from "/tracker/clickloop.js";
import { newChase, type Round } from "../src/chase.ts";
import type { Recommendation } from "../src/types.ts";

const message = (event: string, messageId = "m-1") => ({ messageId, type: "track", event }) as Message;

/** A service whose answers show a new state only from the given request on, each taking 4 ms. */
function slowToSee(versions: number[]) {
  let nowMs = 1000;
  let asked = 0;
  const shown: [number, string][] = [];
  const rounds: Round[] = [];
  const errors: unknown[] = [];
  const chase = newChase({
    ask: async () => {
      nowMs += 4;
      const version = versions[Math.min(asked, versions.length - 1)] ?? 0;
      asked += 1;
      return { state_version: version, degraded: [] as string[] } as Recommendation;
    },
    show: async (answer, cause) => {
      nowMs += 2;
      shown.push([answer.state_version, cause]);
    },
    away: (error) => errors.push(error),
    finished: (round) => rounds.push(round),
    now: () => nowMs,
    sleep: async (ms) => {
      nowMs += ms;
    },
  });
  return { chase, shown, rounds, errors, asked: () => asked, pass: (ms: number) => (nowMs += ms) };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test("a click is timed from the act to the answer that reflects it, stage by stage", async () => {
  const { chase, rounds, shown, pass } = slowToSee([5, 5, 5, 6]);
  await chase.refresh();
  chase.hear({ kind: "queued", message: message("Product Clicked") });
  pass(3);
  chase.hear({ kind: "accepted", messages: [message("Product Clicked")], tookMs: 3 });
  await settled();
  // Two answers of 4 ms that do not see it yet, each with a pause of 6 ms behind it, then one that does.
  assert.deepEqual(rounds, [
    { event: "Product Clicked", acknowledgedMs: 3, foldedMs: 23, recommendedMs: 27, drawnMs: 29, polls: 3 },
  ]);
  assert.deepEqual(shown, [
    [5, "asked"],
    [6, "act"],
  ]);
});

test("a hover changes what is known, not what is shown", async () => {
  const { chase, rounds, shown } = slowToSee([5, 6]);
  await chase.refresh();
  chase.hear({ kind: "queued", message: message("hover") });
  chase.hear({ kind: "accepted", messages: [message("hover")], tookMs: 3 });
  await settled();
  assert.deepEqual(rounds, []);
  assert.deepEqual(shown.at(-1), [6, "aside"]);
});

test("an article's page, opened by a click, is not timed again but followed", async () => {
  const { chase, rounds, shown } = slowToSee([5, 6]);
  await chase.refresh();
  chase.hear({ kind: "queued", message: message("Product Viewed") });
  chase.hear({ kind: "accepted", messages: [message("Product Viewed")], tookMs: 3 });
  await settled();
  assert.deepEqual(rounds, []);
  assert.deepEqual(shown.at(-1), [6, "follow"]);
});

test("an event that never shows is given up after three seconds", async () => {
  const { chase, rounds, asked } = slowToSee([5]);
  await chase.refresh();
  chase.hear({ kind: "queued", message: message("Product Clicked") });
  chase.hear({ kind: "accepted", messages: [message("Product Clicked")], tookMs: 3 });
  await settled();
  assert.deepEqual(rounds, []);
  // One answer and one pause take 10 ms: the last answer that is asked for comes within 3,000.
  assert.equal(asked(), 1 + 301);
});

test("after a log-in the list follows until the visitor's past has joined the user's", async () => {
  const { chase, shown } = slowToSee([0, 1, 1, 1, 7]);
  await chase.refresh();
  const identify = { messageId: "m-1", type: "identify" } as Message;
  chase.hear({ kind: "accepted", messages: [identify], tookMs: 3 });
  await settled();
  assert.deepEqual(shown, [
    [0, "asked"],
    [1, "follow"],
    [7, "follow"],
  ]);
});

test("an event that the collector kept waiting is not timed", async () => {
  const { chase, rounds, shown } = slowToSee([5, 6]);
  await chase.refresh();
  const click = message("Product Clicked");
  chase.hear({ kind: "queued", message: click });
  chase.hear({ kind: "deferred", messages: [click], reason: "status 503", retryInMs: 500 });
  chase.hear({ kind: "accepted", messages: [click], tookMs: 3 });
  await settled();
  assert.deepEqual(rounds, []);
  assert.deepEqual(shown.at(-1), [6, "follow"]);
});

test("a click during another's chase is followed as well", async () => {
  const { chase, rounds } = slowToSee([5, 6, 6, 7]);
  await chase.refresh();
  chase.hear({ kind: "queued", message: message("Product Clicked") });
  chase.hear({ kind: "accepted", messages: [message("Product Clicked")], tookMs: 3 });
  chase.hear({ kind: "queued", message: message("Product Added", "m-2") });
  chase.hear({ kind: "accepted", messages: [message("Product Added", "m-2")], tookMs: 3 });
  await settled();
  assert.deepEqual(
    rounds.map(({ event }) => event),
    ["Product Clicked", "Product Added"],
  );
});

test("a service that fails is told of, and the next event tries again", async () => {
  let fail = true;
  const errors: unknown[] = [];
  const shown: number[] = [];
  const chase = newChase({
    ask: async () => {
      if (fail) throw new TypeError("Failed to fetch");
      return { state_version: 1, degraded: [] as string[] } as Recommendation;
    },
    show: async (answer) => void shown.push(answer.state_version),
    away: (error) => errors.push(error),
    finished: () => undefined,
    now: () => 0,
    sleep: async () => undefined,
  });
  await chase.refresh();
  assert.equal(errors.length, 1);
  fail = false;
  chase.hear({ kind: "accepted", messages: [message("page")], tookMs: 3 });
  await settled();
  assert.deepEqual(shown, [1]);
});
