import type { Clock } from "./clock.ts";
import type { Store } from "./store.ts";

const KEY = "clickloop.session";
const GAP_MS = 30 * 60 * 1000;

export interface Session {
  /** The present session's id; each call keeps it alive. A gap of 30 minutes begins a new one. */
  touch(): string;
  end(): void;
}

export function newSession(store: Store, clock: Clock, newId: () => string): Session {
  let id: string | null = null;
  let lastMs = 0;
  const read = () => {
    // Other tabs of the same visitor keep the same session alive.
    const [kept, keptMs] = (store.get(KEY) ?? "").split(" ");
    if (kept && Number(keptMs) >= lastMs) {
      id = kept;
      lastMs = Number(keptMs);
    }
  };
  return {
    touch: () => {
      read();
      const now = clock.now();
      if (id === null || now - lastMs > GAP_MS) {
        id = newId();
      }
      lastMs = now;
      store.set(KEY, `${id} ${lastMs}`);
      return id;
    },
    end: () => {
      id = null;
      lastMs = 0;
      store.remove(KEY);
    },
  };
}
