/** Where ids and unsent messages survive a page. */
export interface Store {
  get(key: string): string | null;
  /** False where the value did not fit; the old value stands then. */
  set(key: string, value: string): boolean;
  remove(key: string): void;
}

export function newMemoryStore(): Store {
  const values = new Map<string, string>();
  return {
    get: (key) => values.get(key) ?? null,
    set: (key, value) => {
      values.set(key, value);
      return true;
    },
    remove: (key) => void values.delete(key),
  };
}

/** The part of `localStorage` that is used here. */
export type WebStorage = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/**
 * A store over `localStorage`. Where the browser forbids it (private windows, blocked site data)
 * ids and messages live as long as the page does.
 */
export function newWebStore(open: () => WebStorage): Store {
  const memory = newMemoryStore();
  let storage: WebStorage;
  try {
    storage = open();
    storage.getItem("clickloop.probe");
  } catch {
    return memory;
  }
  return {
    get: (key) => storage.getItem(key),
    set: (key, value) => {
      try {
        storage.setItem(key, value);
        return true;
      } catch {
        return false;
      }
    },
    remove: (key) => storage.removeItem(key),
  };
}
