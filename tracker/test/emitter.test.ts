import assert from "node:assert/strict";
import { test } from "node:test";

import { newMemoryStore, newWebStore } from "../src/store.ts";
import { settled } from "./clock.ts";
import {
  busyCollector,
  pickyCollector,
  refusingCollector,
  silentCollector,
  slowCollector,
  smallMouthedCollector,
  unreachableCollector,
} from "./collectors.ts";
import { fixture, MUG, warningsOf } from "./fixture.ts";
import { crampedStorage } from "./stores.ts";

const eventsOf = (sent: { batch: { messageId: string }[] }[]) =>
  sent.map(({ batch }) => batch.map(({ messageId }) => messageId));

test("an event that could not be sent is sent again, the same message", async () => {
  const { tracker, clock, collector, notices } = fixture({ collector: unreachableCollector(1) });
  tracker.click(MUG);
  await clock.advance(10_000);
  const [first, second] = eventsOf(collector.sent);
  assert.deepEqual(first, second);
  assert.equal(collector.sent.length, 2);
  assert.deepEqual(
    notices.map(({ kind }) => kind),
    ["queued", "deferred", "accepted"],
  );
});

test("waits grow while the collector stays away, and events made meanwhile do not hurry them", async () => {
  const { tracker, clock, collector, notices } = fixture({ collector: unreachableCollector(), random: () => 0 });
  tracker.click(MUG);
  // Half of 500, 1,000 and 2,000 ms with a random share of nothing.
  await clock.advance(250 + 500 + 1000);
  tracker.click(MUG);
  await settled();
  assert.equal(collector.sent.length, 4);
  assert.deepEqual(
    notices.filter(({ kind }) => kind === "deferred").map((notice) => "retryInMs" in notice && notice.retryInMs),
    [250, 500, 1000, 2000],
  );
});

test("a busy collector's Retry-After is honoured to the second", async () => {
  const { tracker, clock, collector } = fixture({ collector: busyCollector(1, "7") });
  tracker.click(MUG);
  await clock.advance(6999);
  assert.equal(collector.sent.length, 1);
  await clock.advance(1);
  assert.equal(collector.sent.length, 2);
});

test("a Retry-After date is honoured", async () => {
  const { tracker, clock, collector } = fixture({ collector: busyCollector(1, "Sun, 01 Mar 2026 12:00:20 GMT") });
  tracker.click(MUG);
  await clock.advance(19_999);
  assert.equal(collector.sent.length, 1);
  await clock.advance(1);
  assert.equal(collector.sent.length, 2);
});

test("a success forgets the failures before it", async () => {
  const { tracker, clock, notices } = fixture({ collector: unreachableCollector(2), random: () => 0 });
  tracker.click(MUG);
  await clock.advance(250 + 500);
  assert.equal(notices.at(-1)?.kind, "accepted");
});

test("a collector that says nothing is given up after the timeout and asked again", async () => {
  const { tracker, clock, collector, notices } = fixture({ collector: silentCollector(), timeoutMs: 5000 });
  tracker.click(MUG);
  await clock.advance(5000);
  assert.equal(notices.at(-1)?.kind, "deferred");
  await clock.advance(500);
  assert.equal(collector.sent.length, 2);
});

test("a batch refused with 400 is dropped with a warning, and the next one sent", async () => {
  const { tracker, collector, notices } = fixture({ collector: refusingCollector(400, "expected an array") });
  const warnings = await warningsOf(async () => {
    tracker.click(MUG);
    await settled();
    tracker.click(MUG);
    await settled();
  });
  assert.equal(collector.sent.length, 2);
  assert.notDeepEqual(eventsOf(collector.sent)[0], eventsOf(collector.sent)[1]);
  assert.match(warnings[0] ?? "", /refused 1 events with 400: expected an array/);
  assert.deepEqual(
    notices.map(({ kind }) => kind),
    ["queued", "refused", "queued", "refused"],
  );
});

test("an event refused within a batch is told with its reason, the others are accepted", async () => {
  const { tracker, notices } = fixture({ collector: pickyCollector(1, "unknown type"), batchSize: 3 });
  const warnings = await warningsOf(async () => {
    for (const depth of [25, 50, 75]) tracker.scroll(depth);
    await settled();
  });
  const told = notices.flatMap((notice) =>
    notice.kind === "accepted" || notice.kind === "refused"
      ? [[notice.kind, notice.messages.map(({ properties }) => properties?.["depth_percent"])]]
      : [],
  );
  assert.deepEqual(told, [
    ["refused", [50]],
    ["accepted", [25, 75]],
  ]);
  assert.match(warnings[0] ?? "", /refused scroll: unknown type/);
});

test("a batch too large is sent in halves", async () => {
  const { tracker, collector } = fixture({ collector: smallMouthedCollector(2), batchSize: 8 });
  for (let depth = 1; depth <= 8; depth += 1) tracker.scroll(depth);
  await settled();
  await settled();
  assert.deepEqual(
    collector.sent.map(({ batch }) => batch.length),
    [8, 4, 2, 2, 2, 2],
  );
});

test("one request at a time: a click during a request follows it at once", async () => {
  const { tracker, collector } = fixture({ collector: slowCollector() });
  tracker.click(MUG);
  tracker.click(MUG);
  tracker.click(MUG);
  await settled();
  assert.equal(collector.sent.length, 1);
  collector.answerNext();
  await settled();
  assert.deepEqual(
    collector.sent.map(({ batch }) => batch.length),
    [1, 2],
  );
});

test("events that a page left unsent are sent by the next", async () => {
  const store = newMemoryStore();
  const before = fixture({ store, collector: unreachableCollector() });
  before.tracker.click(MUG);
  await settled();
  const after = fixture({ store, newId: () => "later" });
  await after.tracker.flush();
  assert.deepEqual(eventsOf(after.collector.sent), eventsOf(before.collector.sent));
});

test("the oldest events go when too many wait", async () => {
  const { tracker, clock, collector, notices } = fixture({
    collector: unreachableCollector(1),
    maxMessages: 3,
    batchSize: 10,
  });
  for (const depth of [10, 20, 30, 40, 50]) tracker.scroll(depth);
  await clock.advance(10_000);
  assert.deepEqual(
    collector.sent.at(-1)?.batch.map(({ properties }) => properties?.["depth_percent"]),
    [30, 40, 50],
  );
  assert.deepEqual(
    notices.filter(({ kind }) => kind === "overflowed"),
    [
      { kind: "overflowed", count: 1 },
      { kind: "overflowed", count: 1 },
    ],
  );
});

test("events are sent though the browser's storage is full", async () => {
  const store = newWebStore(() => crampedStorage(200));
  const { tracker, clock, collector } = fixture({ store, batchSize: 10 });
  for (const depth of [25, 50, 75]) tracker.scroll(depth);
  await clock.advance(1000);
  assert.equal(collector.sent.flatMap(({ batch }) => batch).length, 3);
  await clock.advance(60_000);
  assert.equal(collector.sent.length, 1);
});

test("leaving hands what waits to the browser, write key in the body", async () => {
  const beacons: { url: string; body: string }[] = [];
  const { tracker, collector, clock } = fixture({ beacon: (url, body) => beacons.push({ url, body }) > 0 });
  tracker.scroll(25);
  tracker.leave();
  await clock.advance(60_000);
  assert.equal(collector.sent.length, 0);
  assert.equal(beacons[0]?.url, "http://collector.test/v1/batch");
  const body = JSON.parse(beacons[0]?.body ?? "") as { writeKey: string; batch: unknown[]; sentAt: string };
  assert.equal(body.writeKey, "key");
  assert.equal(body.batch.length, 1);
  assert.equal(body.sentAt, "2026-03-01T12:00:00.000Z");
});

test("what the browser will not take over stays for the next page", async () => {
  const store = newMemoryStore();
  const { tracker } = fixture({ store, beacon: () => false });
  tracker.scroll(25);
  tracker.leave();
  const next = fixture({ store });
  await next.tracker.flush();
  assert.equal(next.collector.sent[0]?.batch.length, 1);
});

test("leaving while the collector is away keeps everything for the next page", async () => {
  let beacons = 0;
  const store = newMemoryStore();
  const { tracker } = fixture({ store, collector: unreachableCollector(), beacon: () => (beacons += 1) > 0 });
  tracker.click(MUG);
  await settled();
  tracker.leave();
  assert.equal(beacons, 0);
  const next = fixture({ store });
  await next.tracker.flush();
  assert.equal(next.collector.sent[0]?.batch.length, 1);
});
