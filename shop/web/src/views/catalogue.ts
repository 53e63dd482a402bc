import { card } from "../card.ts";
import { h } from "../dom.ts";
import { plural } from "../format.ts";
import { catalogueAddress } from "../router.ts";
import type { Article, ArticlePage } from "../types.ts";
import { heading } from "./frame.ts";

/** A page of the catalogue. */
export function catalogueView(
  { items, total, number, pages }: ArticlePage,
  { category, query }: { category: string; query: string },
  onAdd: (article: Article) => void,
): { title: string; nodes: Node[] } {
  const title = query ? `“${query}”` : category || "All gifts";
  if (total === 0) {
    return {
      title,
      nodes: [
        heading(title),
        h(
          "div",
          { class: "failure" },
          h("p", {}, query ? "No gift has these words. Fewer or shorter words find more." : "This category is empty."),
          h("a", { href: "/" }, "All gifts"),
        ),
      ],
    };
  }
  const address = (page: number) => catalogueAddress(category, query, page);
  return {
    title,
    nodes: [
      h("div", { class: "view-head" }, heading(title), h("p", {}, plural(total, "gift"))),
      h("ol", { class: "grid", "data-list": query ? "search" : "catalogue" }, ...items.map((item, at) => card(item, at, onAdd))),
      ...(pages > 1 ? [paging(number, pages, address)] : []),
    ],
  };
}

function paging(number: number, pages: number, address: (page: number) => string): HTMLElement {
  const near = [...new Set([1, number - 1, number, number + 1, pages])].filter((page) => page >= 1 && page <= pages);
  const links: Node[] = [];
  let before = 0;
  for (const page of near) {
    if (page > before + 1) links.push(h("span", { "aria-hidden": "true" }, "…"));
    links.push(
      h(
        "a",
        { href: address(page), "aria-label": `Page ${page}`, "aria-current": page === number ? "page" : undefined },
        String(page),
      ),
    );
    before = page;
  }
  return h(
    "nav",
    { class: "paging", "aria-label": "Pages" },
    number > 1 ? h("a", { href: address(number - 1), rel: "prev" }, "← Before") : h("span", {}, ""),
    h("span", { class: "pages" }, ...links),
    number < pages ? h("a", { href: address(number + 1), rel: "next" }, "Next →") : h("span", {}, ""),
  );
}
