import type { Notice } from "../src/notice.ts";
import { newMemoryStore, type Store } from "../src/store.ts";
import { newTracker, type Tracker, type TrackerOptions } from "../src/tracker.ts";
import { newHandClock, type HandClock } from "./clock.ts";
import { willingCollector, type Collector } from "./collectors.ts";

export interface Fixture {
  tracker: Tracker;
  clock: HandClock;
  store: Store;
  collector: Collector;
  notices: Notice[];
}

/** A tracker with a clock moved by hand, ids counted up, and what it said. */
export function fixture<C extends Collector = Collector>(
  options: Partial<TrackerOptions> & { collector?: C; clock?: HandClock } = {},
): Fixture & { collector: C } {
  const clock = options.clock ?? newHandClock();
  const store = options.store ?? newMemoryStore();
  const collector = options.collector ?? (willingCollector() as C);
  let ids = 0;
  const tracker = newTracker({
    collectorUrl: "http://collector.test",
    writeKey: "key",
    store,
    fetch: collector.fetch,
    newId: () => `id-${(ids += 1)}`,
    random: () => 0.5,
    ...options,
    clock,
  });
  const notices: Notice[] = [];
  tracker.on((notice) => notices.push(notice));
  return { tracker, clock, store, collector, notices };
}

export const MUG = { itemId: "21071", name: "Vintage Billboard Mug", price: 1.25, category: "Tea & Coffee" };

/** Console warnings that `run` causes; they do not reach the console. */
export async function warningsOf(run: () => Promise<void>): Promise<string[]> {
  const warnings: string[] = [];
  const real = console.warn;
  console.warn = (...parts: unknown[]) => void warnings.push(parts.join(" "));
  try {
    await run();
  } finally {
    console.warn = real;
  }
  return warnings;
}
