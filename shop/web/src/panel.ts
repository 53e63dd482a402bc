import type { Message, Notice } from "/tracker/clickloop.js";
import type { Change } from "./changes.ts";
import { shown } from "./changes.ts";
import type { Round } from "./chase.ts";
import { h } from "./dom.ts";
import { ms, plural } from "./format.ts";
import type { Recommendation } from "./types.ts";

const MOST_EVENTS = 40;
const MOST_CHANGES = 8;

const DID: Record<string, string> = {
  page: "Opened a page",
  identify: "Logged in",
  "Product Viewed": "Viewed",
  "Product Clicked": "Clicked",
  "Product Added": "Put into the cart",
  "Product Removed": "Took from the cart",
  "Products Searched": "Searched",
  "Checkout Started": "Went to checkout",
  "Order Completed": "Bought",
  hover: "Hovered over",
  scroll: "Scrolled",
  dwell: "Stayed",
  impression: "Saw",
  consent: "Changed privacy",
};

const CHOSEN_BY: Record<string, string> = {
  popular: "what is popular",
  popular_in_context: "what is popular around you",
};

/** What the visitor did, in words. */
export const didWhat = (event: string): string => DID[event] ?? event;

/** The stages of a round, each with what is over when it is done. */
const STAGES = [
  { key: "acknowledgedMs", name: "Acknowledged", title: "The collector has the event from Kafka's acknowledgement" },
  { key: "foldedMs", name: "In features", title: "The worker folded it, the feature store serves it" },
  { key: "recommendedMs", name: "Recommended", title: "The service answered with it taken in" },
  { key: "drawnMs", name: "On the page", title: "The list is drawn" },
] as const;

/** The panel beside the shop: what happens behind it, live. */
export function newPanel(root: HTMLElement, nameOf: (itemId: string) => string, onClose: () => void) {
  const troubles = new Map<string, string>();
  const rows = new Map<string, { row: HTMLElement; state: HTMLElement }>();
  const figure = h("b", { class: "figure" }, "–");
  const caption = h("p", { class: "caption" }, "Click an article: this times the way to the changed list.");
  const bar = h("div", { class: "bar", "aria-hidden": "true" });
  const stages = h("ol", { class: "stages" });
  const events = h("ol", { class: "events" });
  const quiet = h("p", { class: "empty" }, "Nothing yet.");
  const changed = h("ul", { class: "changes" });
  const noChange = h("p", { class: "empty" }, "Nothing yet.");
  const answer = h("dl", { class: "answer" });
  const all = h("table");
  const trouble = h("p", { class: "trouble", role: "status", hidden: true });

  root.replaceChildren(
    h(
      "div",
      { class: "panel-head" },
      h("h2", { id: "panel-title" }, h("i", { "aria-hidden": "true" }), "Behind the page"),
      h("button", { type: "button", class: "close", "aria-label": "Close the panel", onclick: onClose }, "×"),
    ),
    trouble,
    section("From click to changed list", h("p", { class: "clock" }, figure, " ms"), caption, bar, stages),
    section("Features that changed", noChange, changed),
    section("Your events", quiet, events),
    section(
      "The answer",
      answer,
      h("details", {}, h("summary", {}, "Every feature the model read"), all),
    ),
  );

  // Rows of cards come into view together: one line tells of all.
  let sights: { did: HTMLElement; count: number; row: HTMLElement } | null = null;
  const oneMoreSight = (message: Message): boolean => {
    if (message.event !== "impression" || !sights || events.firstElementChild !== sights.row) return false;
    const entry = rows.get(sights.row.dataset["messageId"] ?? "");
    if (!entry || entry.row.dataset["state"] !== "queued") return false;
    sights.count += 1;
    sights.did.replaceChildren(h("b", {}, didWhat("impression")), ` ${plural(sights.count, "gift")}`);
    rows.set(message.messageId, entry);
    return true;
  };
  const event = (message: Message) => {
    quiet.hidden = true;
    if (oneMoreSight(message)) return;
    const properties = message.properties ?? {};
    const of = typeof properties["name"] === "string" ? properties["name"] : detail(message);
    const state = h("span", { class: "state" }, "on its way");
    const did = h("span", { class: "did" }, h("b", {}, didWhat(message.event ?? message.type)), of ? ` ${of}` : "");
    const row = h("li", { "data-message-id": message.messageId, "data-state": "queued" }, did, state);
    rows.set(message.messageId, { row, state });
    if (message.event === "impression") sights = { did, count: 1, row };
    events.prepend(row);
    while (events.children.length > MOST_EVENTS) {
      const last = events.lastElementChild;
      for (const [messageId, { row: gone }] of rows) if (gone === last) rows.delete(messageId);
      last?.remove();
    }
  };
  const mark = (messages: Message[], state: string, text: string) => {
    for (const { messageId } of messages) {
      const entry = rows.get(messageId);
      if (!entry) continue;
      entry.row.dataset["state"] = state;
      entry.state.textContent = text;
    }
  };

  return {
    hear: (notice: Notice) => {
      if (notice.kind === "queued") event(notice.message);
      else if (notice.kind === "accepted") mark(notice.messages, "accepted", `${ms(notice.tookMs)} ms`);
      else if (notice.kind === "refused") mark(notice.messages, "refused", "refused");
      else if (notice.kind === "deferred") mark(notice.messages, "deferred", "kept, sent later");
      else if (notice.kind === "handed_over") mark(notice.messages, "accepted", "sent on leaving");
    },
    round: (round: Round) => {
      figure.textContent = ms(round.drawnMs);
      root.dataset["rounds"] = String(Number(root.dataset["rounds"] ?? 0) + 1);
      caption.textContent = `“${didWhat(round.event)}”: the page asked ${round.polls === 1 ? "once" : `${round.polls} times`} until the answer knew.`;
      let before = 0;
      bar.replaceChildren();
      stages.replaceChildren();
      for (const { key, name, title } of STAGES) {
        const took = Math.max(0, round[key] - before);
        before = Math.max(before, round[key]);
        const part = h("span", { "data-stage": key });
        part.style.setProperty("--share", String(took / Math.max(round.drawnMs, 0.1)));
        bar.append(part);
        stages.append(
          h("li", { "data-stage": key, title }, h("span", {}, name), h("b", {}, `${ms(took)} ms`)),
        );
      }
    },
    changes: (list: Change[]) => {
      if (list.length === 0) return;
      noChange.hidden = true;
      changed.replaceChildren(
        ...list.slice(0, MOST_CHANGES).map(({ name, before, after }) =>
          h(
            "li",
            { "data-feature": name },
            h("code", {}, name),
            h("span", { class: "before" }, before),
            h("span", { class: "turn" }, h("span", { class: "hidden" }, "became"), h("b", { class: "after" }, after)),
          ),
        ),
        ...(list.length > MOST_CHANGES
          ? [h("li", { class: "more" }, `and ${plural(list.length - MOST_CHANGES, "other")}`)]
          : []),
      );
    },
    answer: (given: Recommendation) => {
      const facts: [string, string][] = [
        ["Chosen by", CHOSEN_BY[given.source] ?? `${given.source} ${given.model_version ?? ""}`],
        ["Events in your state", String(given.state_version)],
        ["Variant", given.variant],
        ["Answer", given.recommendation_id],
        ...(given.degraded.length > 0 ? [["Missing", given.degraded.join(", ")] as [string, string]] : []),
        ...Object.entries(given.timings_ms).map(([stage, took]): [string, string] => [`${stage}`, `${took.toFixed(2)} ms`]),
      ];
      answer.replaceChildren(...facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
      all.replaceChildren(
        h("thead", {}, h("tr", {}, ...["Feature", "Value", "Age"].map((name) => h("th", { scope: "col" }, name)))),
        h(
          "tbody",
          {},
          ...Object.entries(given.features).map(([name, { value, age_s }]) =>
            h(
              "tr",
              {},
              h("th", { scope: "row" }, name),
              h("td", {}, shown(name, value, nameOf)),
              h("td", {}, age_s === null ? "–" : `${age_s.toFixed(1)} s`),
            ),
          ),
        ),
      );
    },
    /** Says who does not answer; an empty text says that it does again. */
    trouble: (who: "collector" | "service", text: string) => {
      troubles.set(who, text);
      trouble.textContent = [...troubles.values()].filter(Boolean).join(" ");
      trouble.hidden = trouble.textContent === "";
    },
  };
}

export type Panel = ReturnType<typeof newPanel>;

function section(title: string, ...children: Node[]): HTMLElement {
  return h("section", {}, h("h3", {}, title), ...children);
}

/** What an event without an article says more. */
function detail(message: Message): string {
  const { properties = {} } = message;
  if ("depth_percent" in properties) return `to ${properties["depth_percent"]}%`;
  if ("seconds" in properties) return `${properties["seconds"]} s`;
  if ("query" in properties) return `“${properties["query"]}”`;
  if (Array.isArray(properties["products"])) return plural(properties["products"].length, "article");
  if (message.type === "identify") return `as ${message.userId}`;
  return "";
}
