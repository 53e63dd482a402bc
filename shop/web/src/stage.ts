import type { Capture, Tracker } from "/tracker/clickloop.js";
import { Refused, shop, type Service } from "./api.ts";
import { asItem, type Basket } from "./basket.ts";
import { byId } from "./dom.ts";
import type { Names } from "./names.ts";
import type { Place } from "./router.ts";
import { cartView, checkoutView, thanksView, type CartActions } from "./views/cart.ts";
import { catalogueView } from "./views/catalogue.ts";
import { failure, heading } from "./views/frame.ts";
import { itemView, type ItemView } from "./views/item.ts";

const SIMILAR = 8;

export interface StageParts {
  tracker: Tracker;
  capture: Capture;
  service: Service;
  names: Names;
  basket: Basket;
  go: (address: string) => void;
}

/** Shows the view of a place, tells the tracker of it, and moves the focus to its heading. */
export function newStage(parts: StageParts) {
  const { tracker, capture, basket, names } = parts;
  const view = byId("view");
  let visits = 0;
  let place: Place = { view: "nowhere" };

  const actions: CartActions = {
    more: (line) => basket.add(line),
    fewer: (line, quantity) => basket.remove(line, quantity),
    order: () => {
      basket.order();
      parts.go("/thanks");
    },
  };
  const draw = (title: string, nodes: Node[], item?: Parameters<Capture["pageBegins"]>[0]) => {
    view.replaceChildren(...nodes);
    capture.pageBegins(item);
    capture.watch(view);
    document.title = title === "All gifts" ? "Clickloop, a gift shop" : `${title} · Clickloop`;
    // The first page keeps the focus where the browser puts it.
    if (visits > 1) view.querySelector("h1")?.focus({ preventScroll: true });
  };
  const showSimilar = async (itemId: string, drawn: ItemView, isCurrent: () => boolean) => {
    try {
      const { items } = await parts.service.similar(itemId, SIMILAR);
      if (!isCurrent()) return;
      names.learn(items);
      capture.watch(drawn.showSimilar(items));
    } catch (error) {
      console.warn("clickloop: similar gifts are away", error);
      drawn.similarAway();
    }
  };
  const showItem = async (itemId: string, isCurrent: () => boolean) => {
    const article = await shop.item(itemId);
    if (!isCurrent()) return;
    names.learn([article]);
    const drawn = itemView(article, basket.add);
    draw(article.name, drawn.nodes, asItem(article));
    tracker.itemView(asItem(article));
    await showSimilar(itemId, drawn, isCurrent);
  };
  const showCatalogue = async (at: Extract<Place, { view: "catalogue" }>, isCurrent: () => boolean) => {
    const page = await shop.items(at);
    if (!isCurrent()) return;
    names.learn(page.items);
    const { title, nodes } = catalogueView(page, at, (article) => basket.add(article));
    draw(title, nodes);
    if (at.query && at.page === 1) tracker.search(at.query, page.total);
  };
  const showPlace = async (isCurrent: () => boolean) => {
    if (place.view === "item") return showItem(place.itemId, isCurrent);
    if (place.view === "catalogue") return showCatalogue(place, isCurrent);
    if (place.view === "cart") return draw("Your cart", cartView(basket.lines(), actions));
    if (place.view === "thanks") return draw("Thank you", thanksView());
    if (place.view === "nowhere") return draw("Nothing here", [heading("Nothing here"), failure("This address leads nowhere.")]);
    basket.checkOut();
    draw("Check out", checkoutView(basket.lines(), actions));
  };
  const show = async (next: Place): Promise<void> => {
    visits += 1;
    const mine = visits;
    place = next;
    tracker.page({ view: place.view });
    try {
      await showPlace(() => mine === visits);
    } catch (error) {
      if (mine !== visits) return;
      const gone = error instanceof Refused && error.status === 404;
      const sorry = gone ? failure("The shop has no such gift.") : failure("The shop does not answer just now.", () => void show(next));
      draw("Sorry", [heading("Sorry"), sorry]);
    }
  };

  return {
    show,
    /** The cart is another: its view is drawn anew, if it is the one on show. */
    redrawCart: () => {
      if (place.view === "cart") view.replaceChildren(...cartView(basket.lines(), actions));
    },
    shownItems: (): string[] => (place.view === "item" ? [place.itemId] : []),
  };
}
