import { systemClock, type Clock } from "../clock.ts";
import type { Item } from "../message.ts";
import type { Tracker } from "../tracker.ts";
import { newDwellTimer } from "./dwell.ts";
import { newHoverTimer } from "./hover.ts";
import { newImpressions } from "./impressions.ts";
import { placedAt, type Placed } from "./placed.ts";
import { newScrollDepth } from "./scroll.ts";

const HOVER_MS = 600;
const IMPRESSION_MS = 1000;
const IMPRESSION_SHARE = 0.5;
const LEAST_DWELL_S = 2;

export interface Capture {
  /** A page of the shop begins, of an article where one is named: ends the one before it. */
  pageBegins(item?: Item): void;
  /** Watch the articles inside `root` for being seen; call again after it was drawn anew. */
  watch(root: ParentNode): void;
}

/** Listens to the page: clicks, hovers, scrolling, dwelling and what is seen of `[data-item-id]`. */
export function capture(tracker: Tracker, window: Window & typeof globalThis, clock: Clock = systemClock): Capture {
  const { document } = window;
  const passive = { passive: true };
  let pageItem: Item | undefined;

  document.addEventListener(
    "click",
    (event) => {
      const within = event.target instanceof Element && event.target.closest("[data-no-track]");
      const placed = within ? null : placedAt(event.target);
      if (placed) tracker.click(placed.item, placed.placement);
    },
    { capture: true },
  );

  const hover = newHoverTimer<HTMLElement>(clock, HOVER_MS, (element, durationMs) => {
    const placed = placedAt(element);
    if (placed) tracker.hover(placed.item, placed.placement, durationMs);
  });
  document.addEventListener(
    "pointerover",
    (event) => {
      if (event.pointerType !== "mouse") return;
      const placed = placedAt(event.target);
      if (placed) hover.enter(placed.element);
      else hover.leave();
    },
    passive,
  );

  const scroll = newScrollDepth((percent) => void tracker.scroll(percent));
  document.addEventListener(
    "scroll",
    () => scroll.seen(window.scrollY + window.innerHeight, document.documentElement.scrollHeight),
    passive,
  );

  const dwell = newDwellTimer(clock);
  const tellDwell = () => {
    const seconds = dwell.restart();
    if (seconds >= LEAST_DWELL_S) tracker.dwell(Math.round(seconds * 10) / 10, pageItem);
  };
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") {
      dwell.hide();
      tellDwell();
      tracker.leave();
    } else {
      dwell.show();
    }
  });
  window.addEventListener("pagehide", () => {
    tellDwell();
    tracker.leave();
  });

  const seen = newImpressions<Placed>(clock, IMPRESSION_MS, ({ item, placement }) => {
    tracker.impression(item, placement);
  });
  const keys = new WeakMap<Element, string>();
  const observer = new window.IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        const placed = placedAt(entry.target);
        if (entry.isIntersecting && placed) {
          const { recommendationId = "", list = "" } = placed.placement;
          const key = `${recommendationId} ${list} ${placed.item.itemId}`;
          keys.set(entry.target, key);
          seen.visible(key, placed);
        } else {
          const key = keys.get(entry.target);
          if (key !== undefined) seen.hidden(key);
        }
      }
    },
    { threshold: IMPRESSION_SHARE },
  );

  return {
    pageBegins: (item) => {
      tellDwell();
      hover.leave();
      scroll.restart();
      pageItem = item;
    },
    watch: (root) => {
      for (const element of root.querySelectorAll("[data-item-id]")) {
        // Again, so that an element drawn anew in place tells of itself.
        observer.unobserve(element);
        observer.observe(element);
      }
    },
  };
}
