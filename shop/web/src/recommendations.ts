import type { Capture, Tracker } from "/tracker/clickloop.js";
import type { Service, Visitor } from "./api.ts";
import { changes } from "./changes.ts";
import { newChase, type Cause, type Round } from "./chase.ts";
import type { ForYou } from "./foryou.ts";
import { ms } from "./format.ts";
import type { Names } from "./names.ts";
import type { Panel } from "./panel.ts";
import type { Features, Recommendation } from "./types.ts";

const SHOWN = 10;
const RETRY_MS = 5000;

export interface RecommendationParts {
  tracker: Tracker;
  capture: Capture;
  service: Service;
  names: Names;
  panel: Panel;
  forYou: ForYou;
  /** Of the browser, as the service takes it. */
  context: () => Record<string, string>;
  /** Articles that need no recommending: the one on show. */
  exclude: () => string[];
  onRound: (round: Round) => void;
}

const nextFrame = () => new Promise<void>((resolve) => requestAnimationFrame(() => resolve()));

/** Keeps the row and the panel at what the service says after each thing that the visitor does. */
export function newRecommendations(parts: RecommendationParts) {
  const { tracker, capture, service, names, panel, forYou } = parts;
  let features: Features = {};
  // What was known before the visitor's last act: everything that follows from the act is told against it.
  let before: Features = {};
  let retry: number | undefined;

  const visitor = (): Visitor =>
    tracker.consent().personalization
      ? { userId: tracker.userId(), anonymousId: tracker.anonymousId() }
      : { userId: null, anonymousId: null };

  const show = async (answer: Recommendation, cause: Cause) => {
    names.learn(answer.items);
    panel.trouble("service", "");
    if (cause === "act" || cause === "asked") before = features;
    panel.changes(changes(before, answer.features, names.of));
    features = answer.features;
    panel.answer(answer);
    if (cause === "aside" && forYou.row.childElementCount > 0) return;
    forYou.show(answer, cause);
    capture.watch(forYou.row);
    await nextFrame();
  };
  const away = (error: unknown) => {
    console.warn("clickloop: recommendations are away", error);
    forYou.away();
    panel.trouble("service", "The recommendation service does not answer.");
    window.clearTimeout(retry);
    retry = window.setTimeout(() => void chase.refresh(), RETRY_MS);
  };
  const chase = newChase({
    ask: () => service.recommend(visitor(), parts.context(), parts.exclude(), SHOWN),
    show,
    away,
    finished: (round) => {
      panel.round(round);
      forYou.finished(round);
      parts.onRound(round);
    },
    now: () => performance.now(),
    sleep: (delayMs) => new Promise((resolve) => setTimeout(resolve, delayMs)),
  });

  tracker.on((notice) => {
    panel.hear(notice);
    chase.hear(notice);
    if (notice.kind === "accepted") panel.trouble("collector", "");
    if (notice.kind === "deferred") {
      const inSeconds = ms(notice.retryInMs / 1000);
      panel.trouble("collector", `The collector does not answer; your events are kept and sent in ${inSeconds} s.`);
    }
  });

  return {
    refresh: () => void chase.refresh(),
    /** The visitor is somebody else now. */
    restart: () => {
      chase.forget();
      features = {};
      void chase.refresh();
    },
  };
}

export type Recommendations = ReturnType<typeof newRecommendations>;
