import { card } from "./card.ts";
import { glide } from "./flip.ts";
import type { Article } from "./types.ts";

export interface Redrawn {
  /** Articles that were not in the row before. */
  added: number;
  /** Articles that stayed and changed places. */
  moved: number;
}

/** Draws a list into a row; what stays glides to its new place, and keeps the focus it has. */
export function redraw(
  row: HTMLElement,
  articles: readonly Article[],
  recommendationId: string | null,
  onAdd: (article: Article) => void,
): Redrawn {
  const present = new Map<string, HTMLElement>();
  for (const child of row.children) {
    if (child instanceof HTMLElement && child.dataset["itemId"]) present.set(child.dataset["itemId"], child);
  }
  const first = present.size === 0;
  const places = [...present.keys()];
  const focused = document.activeElement;
  let added = 0;
  let moved = 0;
  const cards = articles.map((article, position) => {
    const kept = present.get(article.item_id);
    const element = kept ?? card(article, position, onAdd);
    element.dataset["position"] = String(position);
    element.classList.toggle("fresh", !kept && !first);
    if (!kept) added += 1;
    else if (places[position] !== article.item_id) moved += 1;
    return element;
  });
  if (recommendationId !== null) row.dataset["recommendationId"] = recommendationId;
  glide(row, () => {
    row.replaceChildren(...cards);
    // The best stands first: a row that was scrolled away would hide the change.
    if (!row.matches(":focus-within")) row.scrollLeft = 0;
  });
  if (focused instanceof HTMLElement && row.contains(focused)) focused.focus({ preventScroll: true });
  return { added: first ? 0 : added, moved };
}
