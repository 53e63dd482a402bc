import { itemData } from "../card.ts";
import type { CartLine } from "../cart.ts";
import { h } from "../dom.ts";
import { money, plural } from "../format.ts";
import { itemAddress } from "../router.ts";
import { tile } from "../tile.ts";
import { heading } from "./frame.ts";

export interface CartActions {
  more(line: CartLine): void;
  fewer(line: CartLine, quantity: number): void;
  order(): void;
}

function empty(): Node[] {
  return [
    heading("Your cart"),
    h("div", { class: "failure" }, h("p", {}, "It is empty."), h("a", { href: "/" }, "Find a gift")),
  ];
}

const totalOf = (lines: readonly CartLine[]) => lines.reduce((sum, line) => sum + line.price * line.quantity, 0);

/** What is in the cart, to change or to check out. */
export function cartView(lines: readonly CartLine[], actions: CartActions): Node[] {
  if (lines.length === 0) return empty();
  return [
    heading("Your cart"),
    h("ul", { class: "lines" }, ...lines.map((line) => lineOf(line, actions))),
    h(
      "div",
      { class: "sum" },
      h("p", {}, "Together ", h("b", {}, money(totalOf(lines)))),
      h("a", { class: "primary", href: "/checkout" }, "Check out"),
    ),
  ];
}

function lineOf(line: CartLine, actions: CartActions): HTMLElement {
  const step = (text: string, label: string, onclick: () => void) =>
    h("button", { type: "button", "aria-label": `${label} ${line.name}`, onclick }, text);
  return h(
    "li",
    { ...itemData(line), "data-no-track": true },
    h("div", { class: "picture" }, tile(line)),
    h("div", { class: "words" }, h("a", { href: itemAddress(line.item_id) }, line.name), h("span", {}, money(line.price))),
    h(
      "div",
      { class: "steps" },
      step("−", "One less of", () => actions.fewer(line, 1)),
      h("b", { "aria-label": plural(line.quantity, "piece") }, String(line.quantity)),
      step("+", "One more of", () => actions.more(line)),
    ),
    h("b", { class: "price" }, money(line.price * line.quantity)),
    h(
      "button",
      { type: "button", class: "quiet", "aria-label": `Remove ${line.name}`, onclick: () => actions.fewer(line, line.quantity) },
      "Remove",
    ),
  );
}

/** The order before it is placed. */
export function checkoutView(lines: readonly CartLine[], actions: CartActions): Node[] {
  if (lines.length === 0) return empty();
  return [
    heading("Check out"),
    h("p", { class: "lead" }, "A demonstration: nobody asks for an address or money, and nothing is sent."),
    h(
      "ul",
      { class: "summary" },
      ...lines.map((line) =>
        h("li", {}, h("span", {}, `${line.quantity} × ${line.name}`), h("b", {}, money(line.price * line.quantity))),
      ),
    ),
    h(
      "div",
      { class: "sum" },
      h("p", {}, "Together ", h("b", {}, money(totalOf(lines)))),
      h("button", { type: "button", class: "primary", id: "order", onclick: () => actions.order() }, "Place the order"),
    ),
  ];
}

/** After the order. */
export function thanksView(): Node[] {
  return [
    heading("Thank you"),
    h(
      "div",
      { class: "failure" },
      h("p", {}, "Your order is a row of purchase events now, and what you bought has left your recommendations."),
      h("a", { href: "/" }, "Back to the shop"),
    ),
  ];
}
