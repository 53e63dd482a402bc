/** Where the visitor is. */
export type Place =
  | { view: "catalogue"; category: string; query: string; page: number }
  | { view: "item"; itemId: string }
  | { view: "cart" }
  | { view: "checkout" }
  | { view: "thanks" }
  | { view: "nowhere" };

/** The place that an address names. */
export function placeOf(url: URL): Place {
  const [head = "", tail = "", ...rest] = url.pathname.split("/").slice(1).map(decoded);
  const page = Math.max(1, Math.floor(Number(url.searchParams.get("page") ?? 1)) || 1);
  const query = url.searchParams.get("query")?.trim() ?? "";
  if (rest.length > 0) return { view: "nowhere" };
  if (head === "" && tail === "") return { view: "catalogue", category: "", query: "", page };
  if (head === "search" && tail === "") return { view: "catalogue", category: "", query, page };
  if (head === "category" && tail !== "") return { view: "catalogue", category: tail, query: "", page };
  if (head === "item" && tail !== "") return { view: "item", itemId: tail };
  if (tail === "" && (head === "cart" || head === "checkout" || head === "thanks")) return { view: head };
  return { view: "nowhere" };
}

/** The address of a page of the catalogue. */
export function catalogueAddress(category: string, query: string, page: number): string {
  const path = category ? `/category/${encodeURIComponent(category)}` : query ? "/search" : "/";
  const parameters = new URLSearchParams();
  if (query && !category) parameters.set("query", query);
  if (page > 1) parameters.set("page", String(page));
  return parameters.size > 0 ? `${path}?${parameters}` : path;
}

export const itemAddress = (itemId: string): string => `/item/${encodeURIComponent(itemId)}`;

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Follows links inside the page without loading it anew; returns a way to go somewhere. */
export function newRouter(window: Window, onPlace: (place: Place) => void): { go(address: string): void; start(): void } {
  const { document, history, location } = window;
  let shown = "";
  const here = () => {
    shown = location.pathname + location.search;
    onPlace(placeOf(new URL(location.href)));
  };
  const go = (address: string) => {
    history.pushState(null, "", address);
    window.scrollTo({ top: 0 });
    here();
  };
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (!link || !plain || event.defaultPrevented || link.origin !== location.origin || link.target) return;
    if (link.getAttribute("href")?.startsWith("#")) return;
    event.preventDefault();
    go(link.pathname + link.search);
  });
  window.addEventListener("popstate", () => {
    // Jumping to a part of the page is no other place.
    if (location.pathname + location.search !== shown) here();
  });
  return { go, start: here };
}
