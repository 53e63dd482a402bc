import type { Message, Notice } from "/tracker/clickloop.js";
import type { Recommendation } from "./types.ts";

/** When each stage of one round of the loop was done, in milliseconds since the visitor acted. */
export interface Round {
  /** What the visitor did, by the event's name. */
  event: string;
  acknowledgedMs: number;
  /** The features held the event: when the request that saw it was sent. */
  foldedMs: number;
  recommendedMs: number;
  drawnMs: number;
  polls: number;
}

/**
 * Why an answer is shown: it was asked for, it is the first that knows of the act that is timed,
 * it follows such an act, or only what is known has changed and nobody waits to see the list move.
 */
export type Cause = "asked" | "act" | "follow" | "aside";

export interface ChaseOptions {
  ask: () => Promise<Recommendation>;
  show: (answer: Recommendation, cause: Cause) => Promise<void>;
  away: (error: unknown) => void;
  finished: (round: Round) => void;
  now: () => number;
  sleep: (ms: number) => Promise<void>;
}

interface Started {
  message: Message;
  startMs: number;
  acknowledgedMs: number | null;
  baseline: number;
}

// What visitors do on purpose. Lists that moved under a mere hover would run away from the pointer.
const TIMED = new Set([
  "Product Clicked",
  "Product Added",
  "Product Removed",
  "Products Searched",
  "Order Completed",
  "identify",
  "consent",
]);
// An article's page is opened by a click, which is timed already.
const DELIBERATE = new Set([...TIMED, "Product Viewed"]);
const isTimed = (message: Message) => TIMED.has(message.event ?? message.type);
const isDeliberate = (message: Message) => DELIBERATE.has(message.event ?? message.type);
const PATIENCE_MS = 3000;
const PAUSE_MS = 6;
const AFTERTHOUGHT_MS = 600;
const AFTERTHOUGHT_PAUSE_MS = 60;
// A log-in is folded first; the visitor's past joins the user's by a way of its own, a little later.
const MERGE_MS = 1500;

/** Follows each event of the visitor to the answer that reflects it, and times the way. */
export function newChase(options: ChaseOptions) {
  const { now } = options;
  let version: number | null = null;
  let started: Started | null = null;
  let running = false;
  let again = false;
  let deliberate = false;
  let mergingUntilMs = 0;

  const poll = async (reflects: (answer: Recommendation) => boolean, patienceMs: number, pauseMs: number) => {
    const giveUpMs = now() + patienceMs;
    for (let polls = 1; ; polls += 1) {
      const sentMs = now();
      const answer = await options.ask();
      if (reflects(answer)) return { answer, polls, sentMs, answeredMs: now() };
      if (now() + pauseMs > giveUpMs) return null;
      await options.sleep(pauseMs);
    }
  };

  const round = async ({ message, startMs, acknowledgedMs, baseline }: Started) => {
    // A degraded answer knows no state: its version proves nothing.
    const reflects = (answer: Recommendation) => answer.degraded.length === 0 && answer.state_version > baseline;
    const found = await poll(reflects, PATIENCE_MS, PAUSE_MS);
    if (!found) return;
    version = found.answer.state_version;
    await options.show(found.answer, "act");
    options.finished({
      event: message.event ?? message.type,
      acknowledgedMs: (acknowledgedMs ?? startMs) - startMs,
      foldedMs: found.sentMs - startMs,
      recommendedMs: found.answeredMs - startMs,
      drawnMs: now() - startMs,
      polls: found.polls,
    });
  };

  const afterthought = async () => {
    const acted = deliberate || now() < mergingUntilMs;
    deliberate = false;
    const known = version;
    const found = await poll(
      (answer) => answer.state_version !== known,
      AFTERTHOUGHT_MS,
      AFTERTHOUGHT_PAUSE_MS,
    );
    if (!found) return;
    version = found.answer.state_version;
    await options.show(found.answer, acted ? "follow" : "aside");
  };

  const run = async () => {
    if (running) {
      again = true;
      return;
    }
    running = true;
    try {
      do {
        again = false;
        const act = started;
        if (act && act.acknowledgedMs !== null) {
          started = null;
          deliberate = false;
          await round(act);
        } else {
          await afterthought();
        }
      } while (again || now() < mergingUntilMs || (started as Started | null)?.acknowledgedMs != null);
    } catch (error) {
      started = null;
      mergingUntilMs = 0;
      options.away(error);
    } finally {
      running = false;
    }
  };

  return {
    /** Ask once and show, whatever the version. */
    refresh: async () => {
      try {
        const answer = await options.ask();
        version = answer.state_version;
        await options.show(answer, "asked");
      } catch (error) {
        options.away(error);
      }
    },
    /** The visitor is somebody else now: versions before say nothing. */
    forget: () => {
      version = null;
      started = null;
    },
    hear: (notice: Notice) => {
      if (notice.kind === "queued") {
        const { message } = notice;
        // Without an answer before there is nothing to tell a change from.
        if (started === null && version !== null && isTimed(message)) {
          started = { message, startMs: now(), acknowledgedMs: null, baseline: version };
        }
      } else if (notice.kind === "accepted") {
        const mine = started;
        if (mine && notice.messages.some(({ messageId }) => messageId === mine.message.messageId)) {
          mine.acknowledgedMs = now();
        }
        deliberate ||= notice.messages.some(isDeliberate);
        if (notice.messages.some(({ type }) => type === "identify")) mergingUntilMs = now() + MERGE_MS;
        void run();
      } else if (notice.kind === "deferred" || notice.kind === "refused") {
        // Its time says nothing of the loop any more; whatever comes of it is an afterthought.
        started = null;
      }
    },
  };
}

export type Chase = ReturnType<typeof newChase>;
