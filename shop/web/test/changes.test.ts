import assert from "node:assert/strict";
import { test } from "node:test";

import { changes } from "../src/changes.ts";
import type { Features } from "../src/types.ts";

const features = (values: Record<string, unknown>): Features =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value, age_s: 0 }]));
const nameOf = (itemId: string) => ({ "21071": "Mug", "22423": "Cakestand" })[itemId] ?? itemId;

test("a count that rose is a change, one that stayed is none", () => {
  assert.deepEqual(changes(features({ click_5m: 1, hover_5m: 2 }), features({ click_5m: 2, hover_5m: 2 }), nameOf), [
    { name: "click_5m", before: "1", after: "2" },
  ]);
});

test("what moves with the clock alone is no change", () => {
  const before = features({ recency_s: 3, cart_age_s: 1, recent_ages_s: [1], click_decayed_1h: 0.994 });
  const after = features({ recency_s: 9, cart_age_s: 7, recent_ages_s: [7], click_decayed_1h: 0.993 });
  assert.deepEqual(changes(before, after, nameOf), []);
});

test("a decayed counter that an event raised is a change", () => {
  const [change] = changes(features({ click_decayed_1h: 0.99 }), features({ click_decayed_1h: 1.98 }), nameOf);
  assert.deepEqual(change, { name: "click_decayed_1h", before: "0.99", after: "1.98" });
});

test("articles are told by name, long lists in short", () => {
  const [change] = changes(features({ recent_items: [] }), features({ recent_items: ["21071", "22423", "1"] }), nameOf);
  assert.deepEqual(change, { name: "recent_items", before: "none", after: "Mug +2" });
});

test("a feature of a visitor unknown before comes from nothing", () => {
  assert.deepEqual(changes({}, features({ country: "France" }), nameOf), [
    { name: "country", before: "none", after: "France" },
  ]);
});

test("nothing that comes of nothing is no change", () => {
  assert.deepEqual(changes({}, features({ click_5m: 0, country: "", cart_items: [] }), nameOf), []);
});

test("the most telling changes come first", () => {
  const after = features({ click_decayed_1h: 1, click_7d: 1, click_5m: 1, recent_items: ["21071"] });
  assert.deepEqual(
    changes({}, after, nameOf).map(({ name }) => name),
    ["recent_items", "click_5m", "click_7d", "click_decayed_1h"],
  );
});
