import type { Clock } from "../src/clock.ts";

export interface HandClock extends Clock {
  /** Let time pass, running what falls due in order, and let promises settle. */
  advance(ms: number): Promise<void>;
}

/** A clock that a test moves by hand. */
export function newHandClock(startMs = Date.parse("2026-03-01T12:00:00Z")): HandClock {
  let nowMs = startMs;
  let due: { atMs: number; callback: () => void }[] = [];
  return {
    now: () => nowMs,
    after: (delayMs, callback) => {
      const timer = { atMs: nowMs + delayMs, callback };
      due.push(timer);
      return () => {
        due = due.filter((other) => other !== timer);
      };
    },
    advance: async (ms) => {
      const endMs = nowMs + ms;
      for (;;) {
        await settled();
        const next = due.filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
        if (!next) break;
        due = due.filter((other) => other !== next);
        nowMs = next.atMs;
        next.callback();
      }
      nowMs = endMs;
      await settled();
    },
  };
}

/** Lets everything that is already promised happen. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
