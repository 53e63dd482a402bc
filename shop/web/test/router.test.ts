import assert from "node:assert/strict";
import { test } from "node:test";

import { catalogueAddress, itemAddress, placeOf } from "../src/router.ts";

const at = (address: string) => placeOf(new URL(address, "http://shop.test"));

test("an address leads where it came from", () => {
  for (const [category, query, page] of [
    ["", "", 1],
    ["", "", 3],
    ["Tea & Coffee", "", 2],
    ["", "red mug", 1],
  ] as const) {
    assert.deepEqual(at(catalogueAddress(category, query, page)), { view: "catalogue", category, query, page });
  }
  assert.deepEqual(at(itemAddress("79323P")), { view: "item", itemId: "79323P" });
});

test("a page that is no number is the first", () => {
  assert.deepEqual(at("/?page=zebra"), { view: "catalogue", category: "", query: "", page: 1 });
  assert.deepEqual(at("/?page=-2"), { view: "catalogue", category: "", query: "", page: 1 });
});

test("an address that the shop does not have leads nowhere", () => {
  for (const address of ["/item/", "/item/1/2", "/cart/1", "/admin"]) assert.deepEqual(at(address), { view: "nowhere" });
});

test("a broken escape is read as it stands", () => {
  assert.deepEqual(at("/item/%E0%A4"), { view: "item", itemId: "%E0%A4" });
});
