import type { Cause, Round } from "./chase.ts";
import { byId } from "./dom.ts";
import { ms, plural } from "./format.ts";
import { didWhat } from "./panel.ts";
import type { Place } from "./router.ts";
import { redraw, type Redrawn } from "./row.ts";
import type { Article, Recommendation } from "./types.ts";

/** The row of recommendations at the head of the page. */
export function newForYou(onAdd: (article: Article) => void) {
  const section = byId("for-you");
  const title = byId("for-you-title");
  const status = byId("for-you-status");
  const row = byId("for-you-items");
  let last: Redrawn = { added: 0, moved: 0 };

  const reason = (answer: Recommendation): string => {
    if (answer.degraded.length > 0) return `Popular for now: ${answer.degraded.join(", ")} is away.`;
    if (answer.source === "model") return `Chosen from ${plural(answer.state_version, "event")} of yours.`;
    return "Click anything you like: this row follows.";
  };

  return {
    row,
    show: (answer: Recommendation, cause: Cause) => {
      const wasAway = section.dataset["state"] === "away";
      section.dataset["state"] = "shown";
      section.dataset["version"] = String(answer.state_version);
      title.textContent = answer.source === "model" ? "For you" : "Popular now";
      last = redraw(row, answer.items, answer.recommendation_id, onAdd);
      // What follows an act leaves standing how long that took.
      if (cause === "asked" || wasAway || answer.degraded.length > 0) status.textContent = reason(answer);
    },
    finished: (round: Round) => {
      const parts = [last.added > 0 && `${last.added} new`, last.moved > 0 && `${last.moved} moved`].filter(Boolean);
      const what = parts.length > 0 ? parts.join(", ") : "same list, new scores";
      status.textContent = `${ms(round.drawnMs)} ms after “${didWhat(round.event)}”: ${what}.`;
    },
    away: () => {
      section.dataset["state"] = "away";
      status.textContent =
        row.childElementCount > 0
          ? "Recommendations do not answer just now; these are the last ones."
          : "Recommendations do not answer just now. The shop works without them.";
    },
    /** In full on the shop's first page, in short beside other views, not at all in the cart's. */
    at: (place: Place) => {
      section.hidden = place.view === "cart" || place.view === "checkout" || place.view === "nowhere";
      const first = place.view === "catalogue" && !place.query && !place.category && place.page === 1;
      section.classList.toggle("compact", !first);
    },
  };
}

export type ForYou = ReturnType<typeof newForYou>;
