import type { WebStorage } from "../src/store.ts";

/** A `localStorage` with room for `characters`, then it throws as browsers do. */
export function crampedStorage(characters: number): WebStorage {
  const values = new Map<string, string>();
  return {
    getItem: (key) => values.get(key) ?? null,
    setItem: (key, value) => {
      const others = [...values].filter(([other]) => other !== key).reduce((sum, [, text]) => sum + text.length, 0);
      if (others + value.length > characters) throw new DOMException("exceeded the quota", "QuotaExceededError");
      values.set(key, value);
    },
    removeItem: (key) => void values.delete(key),
  };
}

/** A browser that forbids site data: even opening it throws. */
export function forbiddenStorage(): WebStorage {
  throw new DOMException("access is denied", "SecurityError");
}
