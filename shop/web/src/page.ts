import type { Capture, Tracker } from "/tracker/clickloop.js";
import { shop, type Service } from "./api.ts";
import { newBasket } from "./basket.ts";
import { newCategories } from "./categories.ts";
import { byId } from "./dom.ts";
import { newDrawer } from "./drawer.ts";
import { ms } from "./format.ts";
import { newForYou } from "./foryou.ts";
import { newNames } from "./names.ts";
import { newPanel } from "./panel.ts";
import { newRecommendations } from "./recommendations.ts";
import { catalogueAddress, newRouter } from "./router.ts";
import { newSettings } from "./settings.ts";
import { newStage } from "./stage.ts";

export interface Parts {
  tracker: Tracker;
  capture: Capture;
  service: Service;
  context: () => Record<string, string>;
}

/** Puts the page together and begins: views, cart, recommendations, and the panel that shows what happens behind. */
export async function begin({ tracker, capture, service, context }: Parts): Promise<void> {
  const say = (text: string) => {
    byId("announcer").textContent = text;
  };
  const names = newNames();
  const drawer = newDrawer();
  const basket = newBasket(tracker, window.localStorage, say, () => stage.redrawCart());
  const forYou = newForYou((article) => basket.add(article));
  const categories = newCategories();
  const query = byId<HTMLInputElement>("query");
  names.learn(basket.lines());

  const router = newRouter(window, (place) => {
    forYou.at(place);
    categories.at(place);
    query.value = place.view === "catalogue" ? place.query : "";
    void stage.show(place);
  });
  const stage = newStage({ tracker, capture, service, names, basket, go: router.go });
  const recommendations = newRecommendations({
    tracker,
    capture,
    service,
    context,
    names,
    forYou,
    panel: newPanel(byId("panel"), names.of, drawer.close),
    exclude: stage.shownItems,
    onRound: (round) => drawer.badge(`${ms(round.drawnMs)} ms`),
  });
  newSettings(tracker, recommendations, say);
  document.querySelector("form.search")?.addEventListener("submit", (event) => {
    event.preventDefault();
    router.go(catalogueAddress("", query.value.trim(), 1));
  });

  router.start();
  // The first events open the way to the collector, so that the first click finds it open.
  void tracker.flush();
  recommendations.refresh();
  categories.draw(await shop.categories());
}
