import type { Capture, Tracker } from "/tracker/clickloop.js";
import { Refused, shop, type Service, type Visitor } from "./api.ts";
import { newCart, type CartLine } from "./cart.ts";
import { changes } from "./changes.ts";
import { newChase } from "./chase.ts";
import { accountDialog, privacyDialog } from "./dialogs.ts";
import { byId, h } from "./dom.ts";
import { newDrawer } from "./drawer.ts";
import { ms } from "./format.ts";
import { newForYou } from "./foryou.ts";
import { newPanel } from "./panel.ts";
import { catalogueAddress, newRouter, type Place } from "./router.ts";
import type { Article, Category, Features, Recommendation } from "./types.ts";
import { cartView, checkoutView, thanksView, type CartActions } from "./views/cart.ts";
import { catalogueView } from "./views/catalogue.ts";
import { failure, heading } from "./views/frame.ts";
import { itemView } from "./views/item.ts";

const FOR_YOU = 10;
const SIMILAR = 8;
const RETRY_MS = 5000;

export interface Parts {
  tracker: Tracker;
  capture: Capture;
  service: Service;
  context: () => Record<string, string>;
}

const asItem = ({ item_id, name, price, category }: Article) => ({ itemId: item_id, name, price, category });
const asLine = (line: CartLine) => ({ ...asItem(line), quantity: line.quantity });
const nextFrame = () => new Promise<void>((resolve) => requestAnimationFrame(() => resolve()));

/** The shop's page: views, cart, recommendations, and the panel that shows what happens behind. */
export function newApp({ tracker, capture, service, context }: Parts) {
  const view = byId("view");
  const announcer = byId("announcer");
  const names = new Map<string, string>();
  const learn = (articles: readonly Article[]) => articles.forEach(({ item_id, name }) => names.set(item_id, name));
  const nameOf = (itemId: string) => names.get(itemId) ?? itemId;
  const say = (text: string) => {
    announcer.textContent = text;
  };

  const drawer = newDrawer();
  const panel = newPanel(byId("panel"), nameOf, drawer.close);
  let place: Place = { view: "nowhere" };
  let features: Features = {};
  // What was known before the visitor's last act: everything that follows from the act is told against it.
  let before: Features = {};
  let retry: number | undefined;
  let visit = 0;

  const cart = newCart(window.localStorage, () => drawCartCount());
  const add = (article: Article, quantity = 1) => {
    cart.add(article, quantity);
    tracker.addToCart({ ...asItem(article), quantity });
    say(`${article.name} is in your cart, ${cart.pieces()} in all.`);
  };
  const forYou = newForYou((article) => add(article));

  const visitor = (): Visitor =>
    tracker.consent().personalization
      ? { userId: tracker.userId(), anonymousId: tracker.anonymousId() }
      : { userId: null, anonymousId: null };
  const shownItem = () => (place.view === "item" ? [place.itemId] : []);

  const away = (error: unknown) => {
    console.warn("clickloop: recommendations are away", error);
    forYou.away();
    panel.trouble("The recommendation service does not answer.");
    window.clearTimeout(retry);
    retry = window.setTimeout(() => void chase.refresh(), RETRY_MS);
  };
  const chase = newChase({
    ask: () => service.recommend(visitor(), context(), shownItem(), FOR_YOU),
    show: async (answer: Recommendation, cause) => {
      learn(answer.items);
      panel.trouble("");
      if (cause === "act" || cause === "asked") before = features;
      panel.changes(changes(before, answer.features, nameOf));
      features = answer.features;
      panel.answer(answer);
      if (cause !== "aside" || forYou.row.childElementCount === 0) {
        forYou.show(answer, cause);
        capture.watch(forYou.row);
        await nextFrame();
      }
    },
    away,
    finished: (round) => {
      panel.round(round);
      forYou.finished(round);
      drawer.badge(`${ms(round.drawnMs)} ms`);
    },
    now: () => performance.now(),
    sleep: (delayMs) => new Promise((resolve) => setTimeout(resolve, delayMs)),
  });

  tracker.on((notice) => {
    panel.hear(notice);
    chase.hear(notice);
    if (notice.kind === "deferred") {
      panel.trouble(`The collector does not answer; your events are kept and sent in ${ms(notice.retryInMs / 1000)} s.`);
    } else if (notice.kind === "accepted") {
      panel.trouble("");
    }
  });

  const drawCartCount = () => {
    const badge = byId("cart-count");
    badge.hidden = cart.pieces() === 0;
    badge.textContent = String(cart.pieces());
    byId("cart").setAttribute("aria-label", `Cart, ${cart.pieces()} pieces`);
    if (place.view === "cart") drawCart();
  };
  const actions: CartActions = {
    more: (line) => add(line),
    fewer: (line, quantity) => {
      cart.remove(line.item_id, quantity);
      tracker.removeFromCart({ ...asItem(line), quantity });
      say(`${line.name} taken out, ${cart.pieces()} left.`);
    },
    order: () => {
      tracker.purchase(crypto.randomUUID(), cart.lines().map(asLine));
      cart.empty();
      router.go("/thanks");
    },
  };
  const drawCart = () => view.replaceChildren(...cartView(cart.lines(), actions));

  const arrive = (title: string) => {
    document.title = title === "All gifts" ? "Clickloop, a gift shop" : `${title} · Clickloop`;
    if (visit > 1) view.querySelector("h1")?.focus({ preventScroll: true });
    capture.watch(view);
  };
  const showItem = async (itemId: string, mine: number) => {
    const article = await shop.item(itemId);
    if (mine !== visit) return;
    learn([article]);
    const drawn = itemView(article, add);
    view.replaceChildren(...drawn.nodes);
    tracker.itemView(asItem(article));
    capture.pageBegins(asItem(article));
    arrive(article.name);
    try {
      const { items } = await service.similar(itemId, SIMILAR);
      if (mine !== visit) return;
      learn(items);
      capture.watch(drawn.showSimilar(items));
    } catch (error) {
      console.warn("clickloop: similar gifts are away", error);
      drawn.similarAway();
    }
  };
  const showCatalogue = async (at: Extract<Place, { view: "catalogue" }>, mine: number) => {
    const page = await shop.items(at);
    if (mine !== visit) return;
    learn(page.items);
    const { title, nodes } = catalogueView(page, at, (article) => add(article));
    view.replaceChildren(...nodes);
    if (at.query && at.page === 1) tracker.search(at.query, page.total);
    capture.pageBegins();
    arrive(title);
  };
  const showPlain = (title: string, nodes: Node[]) => {
    view.replaceChildren(...nodes);
    capture.pageBegins();
    arrive(title);
  };

  const show = async (next: Place) => {
    visit += 1;
    const mine = visit;
    place = next;
    forYou.hide(place.view === "cart" || place.view === "checkout" || place.view === "nowhere");
    forYou.compact(place.view !== "catalogue" || place.query !== "" || place.category !== "" || place.page > 1);
    markCategory();
    byId<HTMLInputElement>("query").value = place.view === "catalogue" ? place.query : "";
    tracker.page({ view: place.view });
    try {
      if (place.view === "item") await showItem(place.itemId, mine);
      else if (place.view === "catalogue") await showCatalogue(place, mine);
      else if (place.view === "cart") showPlain("Your cart", cartView(cart.lines(), actions));
      else if (place.view === "checkout") {
        if (cart.pieces() > 0) tracker.checkoutStarted(cart.lines().map(asLine));
        showPlain("Check out", checkoutView(cart.lines(), actions));
      } else if (place.view === "thanks") showPlain("Thank you", thanksView());
      else showPlain("Nothing here", [heading("Nothing here"), failure("This address leads nowhere.")]);
    } catch (error) {
      if (mine !== visit) return;
      const gone = error instanceof Refused && error.status === 404;
      const text = gone ? "The shop has no such gift." : "The shop does not answer just now.";
      showPlain("Not found", [heading("Sorry"), gone ? failure(text) : failure(text, () => void show(next))]);
    }
  };
  const router = newRouter(window, (next) => void show(next));

  const drawCategories = (categories: Category[]) => {
    const link = (name: string, address: string) =>
      h("li", {}, h("a", { href: address, "data-category-link": name }, name || "All gifts"));
    byId("categories").replaceChildren(
      link("", "/"),
      ...categories.map(({ name }) => link(name, catalogueAddress(name, "", 1))),
    );
    markCategory();
  };
  const markCategory = () => {
    const here = place.view === "catalogue" && place.query === "" ? place.category : null;
    for (const link of document.querySelectorAll<HTMLAnchorElement>("[data-category-link]")) {
      if (link.dataset["categoryLink"] === here) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  };

  const drawAccount = () => {
    byId("account-name").textContent = tracker.userId() ?? "Log in";
  };
  const becomeSomebody = (change: () => void, text: string) => {
    chase.forget();
    features = {};
    change();
    drawAccount();
    say(text);
    void chase.refresh();
  };
  const openAccount = async () => {
    const customers = await shop.customers().catch(() => []);
    accountDialog({
      userId: tracker.userId(),
      customers,
      onLogIn: (userId) => becomeSomebody(() => void tracker.identify(userId), `Logged in as ${userId}.`),
      onLogOut: () => becomeSomebody(() => tracker.reset(), "Logged out."),
    });
  };
  const openPrivacy = () =>
    privacyDialog(tracker.consent(), (change) => {
      tracker.setConsent(change);
      say("Your decision is kept.");
      if ("personalization" in change) {
        chase.forget();
        void chase.refresh();
      }
    });

  return {
    start: async () => {
      byId("account").addEventListener("click", () => void openAccount());
      byId("privacy").addEventListener("click", openPrivacy);
      document.querySelector("form.search")?.addEventListener("submit", (event) => {
        event.preventDefault();
        router.go(catalogueAddress("", byId<HTMLInputElement>("query").value.trim(), 1));
      });
      drawAccount();
      drawCartCount();
      router.start();
      // The first events open the way to the collector, so that the first click finds it open.
      void tracker.flush();
      void chase.refresh();
      drawCategories(await shop.categories());
    },
  };
}
