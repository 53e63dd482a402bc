import { h } from "./dom.ts";
import { money } from "./format.ts";
import { itemAddress } from "./router.ts";
import { tile } from "./tile.ts";
import type { Article } from "./types.ts";

/** What the tracker reads of an article on the page. */
export function itemData(article: Article, position?: number): Record<string, string> {
  return {
    "data-item-id": article.item_id,
    "data-name": article.name,
    "data-price": String(article.price),
    "data-category": article.category,
    ...(position === undefined ? {} : { "data-position": String(position) }),
  };
}

/** An article to click on, or to put into the cart at once. */
export function card(article: Article, position: number, onAdd: (article: Article) => void): HTMLLIElement {
  return h(
    "li",
    { class: "card", ...itemData(article, position) },
    h("div", { class: "picture" }, tile(article)),
    h(
      "div",
      { class: "words" },
      h("a", { class: "name", href: itemAddress(article.item_id) }, article.name),
      h("span", { class: "category" }, article.category),
      h("span", { class: "price" }, money(article.price)),
    ),
    h(
      "button",
      {
        class: "add",
        type: "button",
        "data-no-track": true,
        "aria-label": `Add ${article.name} to the cart`,
        title: "Add to the cart",
        onclick: () => onAdd(article),
      },
      "+",
    ),
  );
}
