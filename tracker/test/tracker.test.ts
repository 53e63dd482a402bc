import assert from "node:assert/strict";
import { test } from "node:test";

import { newMemoryStore, newWebStore } from "../src/store.ts";
import { newTracker } from "../src/tracker.ts";
import { settled } from "./clock.ts";
import { willingCollector } from "./collectors.ts";
import { fixture, MUG } from "./fixture.ts";
import { forbiddenStorage } from "./stores.ts";

test("a click travels at once, in Segment's shape", async () => {
  const { tracker, collector } = fixture();
  tracker.click(MUG, { recommendationId: "r-1", position: 3, list: "for-you" });
  await settled();
  assert.equal(collector.sent.length, 1);
  const [request] = collector.sent;
  assert.equal(request?.url, "http://collector.test/v1/batch");
  assert.equal(request?.headers.get("Authorization"), `Basic ${Buffer.from("key:").toString("base64")}`);
  assert.equal(request?.headers.get("Content-Type"), "application/json");
  assert.equal(request?.keepalive, true);
  assert.deepEqual(request?.batch, [
    {
      messageId: "id-1",
      type: "track",
      event: "Product Clicked",
      properties: {
        product_id: "21071",
        name: "Vintage Billboard Mug",
        price: 1.25,
        category: "Tea & Coffee",
        recommendation_id: "r-1",
        position: 3,
        list_id: "for-you",
      },
      anonymousId: "id-2",
      timestamp: "2026-03-01T12:00:00.000Z",
      context: {
        sessionId: "id-3",
        consent: { categoryPreferences: { measurement: true, personalization: true, training: true } },
      },
    },
  ]);
});

test("hovers wait and travel together", async () => {
  const { tracker, clock, collector } = fixture({ flushAfterMs: 1000 });
  tracker.hover(MUG, {}, 700);
  tracker.scroll(50);
  await clock.advance(999);
  assert.equal(collector.sent.length, 0);
  await clock.advance(1);
  assert.deepEqual(
    collector.sent.map(({ batch }) => batch.map(({ event }) => event)),
    [["hover", "scroll"]],
  );
});

test("a full batch does not wait", async () => {
  const { tracker, collector } = fixture({ batchSize: 3 });
  for (const depth of [25, 50, 75]) tracker.scroll(depth);
  await settled();
  assert.equal(collector.sent[0]?.batch.length, 3);
});

test("an order names each of its products with quantity", async () => {
  const { tracker, collector } = fixture();
  tracker.purchase("order-1", [
    { ...MUG, quantity: 2 },
    { itemId: "22423", quantity: 1 },
  ]);
  await settled();
  const message = collector.sent[0]?.batch[0];
  assert.equal(message?.event, "Order Completed");
  assert.deepEqual(message?.properties, {
    order_id: "order-1",
    products: [
      { product_id: "21071", name: "Vintage Billboard Mug", price: 1.25, category: "Tea & Coffee", quantity: 2 },
      { product_id: "22423", quantity: 1 },
    ],
  });
});

test("the anonymous id outlives the page, and ends with reset", async () => {
  const store = newMemoryStore();
  const first = fixture({ store, newId: () => "first" }).tracker.anonymousId();
  const second = fixture({ store, newId: () => "second" });
  assert.equal(second.tracker.anonymousId(), first);
  second.tracker.reset();
  assert.equal(second.tracker.anonymousId(), "second");
});

test("events after identify carry user and anonymous id, and after reset neither", async () => {
  const { tracker, collector } = fixture();
  tracker.click(MUG);
  tracker.identify("ann", { plan: "gold" });
  tracker.click(MUG);
  tracker.reset();
  tracker.click(MUG);
  await settled();
  const messages = collector.sent.flatMap(({ batch }) => batch);
  assert.deepEqual(
    messages.map(({ type, userId }) => [type, userId]),
    [
      ["track", undefined],
      ["identify", "ann"],
      ["track", "ann"],
      ["track", undefined],
    ],
  );
  assert.deepEqual(messages[1]?.traits, { plan: "gold" });
  const anonymous = messages.map(({ anonymousId }) => anonymousId);
  assert.equal(anonymous[0], anonymous[2]);
  assert.notEqual(anonymous[2], anonymous[3]);
});

test("an alias names who the visitor was, and later events who the visitor is", async () => {
  const { tracker, collector } = fixture();
  const anonymous = tracker.anonymousId();
  tracker.alias("ann");
  tracker.click(MUG);
  tracker.alias("ann-2");
  tracker.alias("ann-2", "annie");
  await settled();
  const messages = collector.sent.flatMap(({ batch }) => batch);
  assert.deepEqual(
    messages.map(({ type, userId, previousId }) => [type, userId, previousId]),
    [
      // Of a visitor: the collector knows by the anonymous id, which every message carries.
      ["alias", "ann", anonymous],
      ["track", "ann", undefined],
      ["alias", "ann-2", "ann"],
      ["alias", "ann-2", "annie"],
    ],
  );
  assert.deepEqual(new Set(messages.map(({ anonymousId }) => anonymousId)), new Set([anonymous]));
  assert.equal(tracker.userId(), "ann-2");
});

test("an alias without consent to measurement changes the visitor and is not sent", async () => {
  const { tracker, collector, notices } = fixture();
  tracker.setConsent({ measurement: false });
  assert.equal(tracker.alias("ann"), null);
  await settled();
  assert.equal(tracker.userId(), "ann");
  assert.equal(collector.sent.flatMap(({ batch }) => batch).some(({ type }) => type === "alias"), false);
  assert.deepEqual(
    notices.filter(({ kind }) => kind === "withheld"),
    [{ kind: "withheld", event: "alias" }],
  );
});

test("the user is still known on the next page", () => {
  const store = newMemoryStore();
  fixture({ store }).tracker.identify("ann");
  assert.equal(fixture({ store }).tracker.userId(), "ann");
});

test("without consent to measurement nothing is sent but the withdrawal itself", async () => {
  const { tracker, collector, notices } = fixture();
  tracker.setConsent({ measurement: false });
  assert.equal(tracker.click(MUG), null);
  assert.equal(tracker.identify("ann"), null);
  await settled();
  const messages = collector.sent.flatMap(({ batch }) => batch);
  assert.deepEqual(
    messages.map(({ event, properties }) => [event, properties]),
    [["consent", { measurement: false, personalization: true, training: true }]],
  );
  assert.deepEqual(
    notices.filter(({ kind }) => kind === "withheld"),
    [
      { kind: "withheld", event: "Product Clicked" },
      { kind: "withheld", event: "identify" },
    ],
  );
});

test("each event states the consent of its moment, and the store keeps it", async () => {
  const { tracker, collector, store } = fixture();
  tracker.click(MUG);
  tracker.setConsent({ training: false });
  tracker.click(MUG);
  await settled();
  assert.deepEqual(
    collector.sent.flatMap(({ batch }) => batch.map(({ context }) => context.consent.categoryPreferences.training)),
    [true, false, false],
  );
  assert.equal(fixture({ store }).tracker.consent().training, false);
});

test("an unreadable consent allows nothing", () => {
  const store = newMemoryStore();
  store.set("clickloop.consent", "{broken");
  assert.deepEqual(fixture({ store }).tracker.consent(), {
    measurement: false,
    personalization: false,
    training: false,
  });
});

test("where the browser forbids storage the page still tracks one visitor", async () => {
  const { tracker, collector } = fixture({ store: newWebStore(forbiddenStorage) });
  tracker.click(MUG);
  tracker.click(MUG);
  await settled();
  const messages = collector.sent.flatMap(({ batch }) => batch);
  assert.equal(messages.length, 2);
  assert.equal(new Set(messages.map(({ anonymousId }) => anonymousId)).size, 1);
});

test("message ids are uuids and each its own", async () => {
  const collector = willingCollector();
  const tracker = newTracker({ collectorUrl: "http://collector.test", writeKey: "key", fetch: collector.fetch });
  tracker.click(MUG);
  tracker.click(MUG);
  await tracker.flush();
  await settled();
  const ids = collector.sent.flatMap(({ batch }) => batch.map(({ messageId }) => messageId));
  assert.equal(new Set(ids).size, 2);
  for (const id of ids) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("a listener hears an event queued, then accepted with the time it took", async () => {
  const { tracker, notices } = fixture();
  const message = tracker.click(MUG);
  await settled();
  assert.deepEqual(notices, [
    { kind: "queued", message },
    { kind: "accepted", messages: [message], tookMs: 0 },
  ]);
});

test("a listener that throws silences nobody else", async () => {
  const { tracker, collector } = fixture();
  const real = console.error;
  console.error = () => undefined;
  let heard = 0;
  tracker.on(() => {
    throw new Error("broken panel");
  });
  tracker.on(() => void (heard += 1));
  tracker.click(MUG);
  await settled();
  console.error = real;
  assert.equal(heard, 2);
  assert.equal(collector.sent.length, 1);
});

test("a listener taken off hears nothing more", () => {
  const { tracker } = fixture();
  let heard = 0;
  const off = tracker.on(() => void (heard += 1));
  off();
  tracker.click(MUG);
  assert.equal(heard, 0);
});
