import type { Clock } from "../clock.ts";

/** Counts the time a page is really looked at: hidden tabs do not count. */
export function newDwellTimer(clock: Clock) {
  let visibleSinceMs: number | null = clock.now();
  let sumMs = 0;
  const stop = () => {
    if (visibleSinceMs !== null) sumMs += clock.now() - visibleSinceMs;
    visibleSinceMs = null;
  };
  return {
    hide: stop,
    show: () => {
      visibleSinceMs ??= clock.now();
    },
    /** Seconds looked at since the last restart; the count begins again. */
    restart: (): number => {
      const wasVisible = visibleSinceMs !== null;
      stop();
      const seconds = sumMs / 1000;
      sumMs = 0;
      visibleSinceMs = wasVisible ? clock.now() : null;
      return seconds;
    },
  };
}
