import assert from "node:assert/strict";
import { test } from "node:test";

import { newCart, type CartStorage } from "../src/cart.ts";

const MUG = { item_id: "21071", name: "Mug", price: 1.25, category: "Tea & Coffee" };
const CLOCK = { item_id: "22730", name: "Clock", price: 3.75, category: "Clocks & Mirrors" };

function memory(): CartStorage {
  const values = new Map<string, string>();
  return { getItem: (key) => values.get(key) ?? null, setItem: (key, value) => void values.set(key, value) };
}

const fullStorage: CartStorage = {
  getItem: () => null,
  setItem: () => {
    throw new DOMException("exceeded the quota", "QuotaExceededError");
  },
};

test("the same article twice is one line of two", () => {
  const cart = newCart(memory(), () => undefined);
  cart.add(MUG, 1);
  cart.add(MUG, 1);
  assert.deepEqual(cart.lines(), [{ ...MUG, quantity: 2 }]);
});

test("the total is pieces times price", () => {
  const cart = newCart(memory(), () => undefined);
  cart.add(MUG, 2);
  cart.add(CLOCK, 1);
  assert.equal(cart.total(), 2 * 1.25 + 3.75);
  assert.equal(cart.pieces(), 3);
});

test("a line goes with its last piece", () => {
  const cart = newCart(memory(), () => undefined);
  cart.add(MUG, 2);
  cart.remove(MUG.item_id, 1);
  assert.equal(cart.pieces(), 1);
  cart.remove(MUG.item_id, 1);
  assert.deepEqual(cart.lines(), []);
});

test("the next page finds the cart as it was", () => {
  const storage = memory();
  newCart(storage, () => undefined).add(MUG, 3);
  assert.deepEqual(newCart(storage, () => undefined).lines(), [{ ...MUG, quantity: 3 }]);
});

test("a full storage does not spoil the page's cart", () => {
  const cart = newCart(fullStorage, () => undefined);
  cart.add(MUG, 1);
  assert.equal(cart.pieces(), 1);
});

test("an unreadable cart is an empty one", () => {
  const storage = memory();
  storage.setItem("clickloop.cart", "{broken");
  assert.deepEqual(newCart(storage, () => undefined).lines(), []);
});
