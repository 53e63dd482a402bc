import type { Clock } from "../clock.ts";

/** Tells a hover from a pointer passing by: it must rest for `leastMs`. */
export function newHoverTimer<T>(clock: Clock, leastMs: number, onHover: (target: T, durationMs: number) => void) {
  let target: T | null = null;
  let sinceMs = 0;
  const leave = () => {
    const restedMs = clock.now() - sinceMs;
    if (target !== null && restedMs >= leastMs) onHover(target, restedMs);
    target = null;
  };
  return {
    enter: (next: T) => {
      if (next === target) return;
      leave();
      target = next;
      sinceMs = clock.now();
    },
    leave,
  };
}
