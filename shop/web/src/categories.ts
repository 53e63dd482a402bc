import { byId, h } from "./dom.ts";
import { catalogueAddress, type Place } from "./router.ts";
import type { Category } from "./types.ts";

/** The bar of categories, the present one marked. */
export function newCategories() {
  let place: Place | null = null;
  const mark = () => {
    const here = place?.view === "catalogue" && place.query === "" ? place.category : null;
    for (const link of document.querySelectorAll<HTMLAnchorElement>("[data-category-link]")) {
      if (link.dataset["categoryLink"] === here) {
        link.setAttribute("aria-current", "page");
        link.scrollIntoView({ block: "nearest", inline: "nearest" });
      } else {
        link.removeAttribute("aria-current");
      }
    }
  };
  return {
    draw: (categories: Category[]) => {
      const link = (name: string, address: string) =>
        h("li", {}, h("a", { href: address, "data-category-link": name }, name || "All gifts"));
      byId("categories").replaceChildren(
        link("", "/"),
        ...categories.map(({ name }) => link(name, catalogueAddress(name, "", 1))),
      );
      mark();
    },
    at: (next: Place) => {
      place = next;
      mark();
    },
  };
}
