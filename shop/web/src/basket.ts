import type { Item, Tracker } from "/tracker/clickloop.js";
import { newCart, type CartLine, type CartStorage } from "./cart.ts";
import { byId } from "./dom.ts";
import type { Article } from "./types.ts";

/** An article as the tracker names it. */
export const asItem = ({ item_id, name, price, category }: Article): Item => ({ itemId: item_id, name, price, category });

const asLine = (line: CartLine) => ({ ...asItem(line), quantity: line.quantity });

/** The cart with all that follows from a change: the event, the badge, the word to screen readers. */
export function newBasket(tracker: Tracker, storage: CartStorage, say: (text: string) => void, onChange: () => void) {
  const badge = byId("cart-count");
  const link = byId("cart");
  const cart = newCart(storage, () => {
    draw();
    onChange();
  });
  const draw = () => {
    badge.hidden = cart.pieces() === 0;
    badge.textContent = String(cart.pieces());
    link.setAttribute("aria-label", `Cart, ${cart.pieces()} pieces`);
  };
  draw();
  return {
    lines: cart.lines,
    add: (article: Article, quantity = 1) => {
      cart.add(article, quantity);
      tracker.addToCart({ ...asItem(article), quantity });
      say(`${article.name} is in your cart, ${cart.pieces()} in all.`);
    },
    remove: (line: CartLine, quantity: number) => {
      cart.remove(line.item_id, quantity);
      tracker.removeFromCart({ ...asItem(line), quantity });
      say(`${line.name} taken out, ${cart.pieces()} left.`);
    },
    checkOut: () => {
      if (cart.pieces() > 0) tracker.checkoutStarted(cart.lines().map(asLine));
    },
    order: () => {
      tracker.purchase(crypto.randomUUID(), cart.lines().map(asLine));
      cart.empty();
    },
  };
}

export type Basket = ReturnType<typeof newBasket>;
