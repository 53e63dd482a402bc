import { itemData } from "../card.ts";
import { h } from "../dom.ts";
import { money } from "../format.ts";
import { redraw } from "../row.ts";
import { catalogueAddress } from "../router.ts";
import { tile } from "../tile.ts";
import type { Article, Recommended } from "../types.ts";
import { heading } from "./frame.ts";

export interface ItemView {
  title: string;
  nodes: Node[];
  showSimilar(items: Recommended[]): HTMLElement;
  similarAway(): void;
}

/** The page of one article, with room for those like it. */
export function itemView(
  article: Article,
  onAdd: (article: Article, quantity: number) => void,
): ItemView {
  const quantity = h("input", { id: "quantity", type: "number", min: 1, max: 99, value: 1, inputmode: "numeric" });
  const add = (event: Event) => {
    event.preventDefault();
    onAdd(article, Math.min(99, Math.max(1, Math.floor(quantity.valueAsNumber) || 1)));
  };
  const row = h("ol", { class: "row", "data-list": "similar" });
  const status = h("p", { role: "status" }, "Looking …");
  const similar = h(
    "section",
    { class: "similar", "aria-labelledby": "similar-title" },
    h("div", { class: "row-head" }, h("h2", { id: "similar-title" }, "Similar gifts"), status),
    row,
  );
  return {
    title: article.name,
    nodes: [
      h(
        "article",
        { class: "item", ...itemData(article), "data-no-track": true },
        h("div", { class: "picture" }, tile(article)),
        h(
          "div",
          { class: "words" },
          h("a", { class: "category", href: catalogueAddress(article.category, "", 1) }, article.category),
          heading(article.name),
          h("p", { class: "price" }, money(article.price)),
          h(
            "form",
            { class: "buy", onsubmit: add },
            h("label", { for: "quantity" }, "Pieces"),
            quantity,
            h("button", { type: "submit", class: "primary", id: "add" }, "Add to the cart"),
          ),
          h("p", { class: "code" }, `Article ${article.item_id}`),
        ),
      ),
      similar,
    ],
    showSimilar: (items) => {
      status.textContent = items.length > 0 ? "" : "Nothing else is like it yet.";
      redraw(row, items, null, (other) => onAdd(other, 1));
      return row;
    },
    similarAway: () => {
      status.textContent = "Similar gifts do not answer just now.";
    },
  };
}
