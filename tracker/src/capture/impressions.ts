import type { Clock } from "../clock.ts";

/** Calls an element seen once enough of it was in view for `leastMs` without a break, once a key. */
export function newImpressions<T>(clock: Clock, leastMs: number, onSeen: (target: T) => void) {
  const told = new Set<string>();
  const pending = new Map<string, () => void>();
  return {
    visible: (key: string, target: T) => {
      if (told.has(key) || pending.has(key)) return;
      pending.set(
        key,
        clock.after(leastMs, () => {
          pending.delete(key);
          told.add(key);
          onSeen(target);
        }),
      );
    },
    hidden: (key: string) => {
      pending.get(key)?.();
      pending.delete(key);
    },
  };
}
