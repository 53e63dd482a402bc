import type { Item, Placement } from "../message.ts";

/** An article on the page and where it stands. */
export interface Placed {
  element: HTMLElement;
  item: Item;
  placement: Placement;
}

/**
 * The article that a node belongs to, read from `data-item-id` and its neighbours
 * (`data-price`, `data-category`, `data-position`) and from the list around it
 * (`data-recommendation-id`, `data-list`).
 */
export function placedAt(node: EventTarget | null): Placed | null {
  const element = node instanceof Element ? node.closest<HTMLElement>("[data-item-id]") : null;
  const itemId = element?.dataset["itemId"];
  if (!element || !itemId) return null;
  const { name, price, category, position } = element.dataset;
  const recommendationId = element.closest<HTMLElement>("[data-recommendation-id]")?.dataset["recommendationId"];
  const list = element.closest<HTMLElement>("[data-list]")?.dataset["list"];
  return {
    element,
    item: {
      itemId,
      ...(name ? { name } : {}),
      ...(price ? { price: Number(price) } : {}),
      ...(category ? { category } : {}),
    },
    placement: {
      ...(recommendationId ? { recommendationId } : {}),
      ...(position ? { position: Number(position) } : {}),
      ...(list ? { list } : {}),
    },
  };
}
