import type { Store } from "./store.ts";

/** What the visitor allows, by purpose. */
export interface Consent {
  /** Send events at all. */
  measurement: boolean;
  /** Let them change what the visitor is shown. */
  personalization: boolean;
  /** Let a model learn from them. */
  training: boolean;
}

const KEY = "clickloop.consent";

/** The consent kept in the store; every purpose is allowed until the visitor says otherwise. */
export function newConsent(store: Store): { get(): Consent; set(change: Partial<Consent>): Consent } {
  const get = (): Consent => {
    const allowed: Consent = { measurement: true, personalization: true, training: true };
    try {
      const kept: unknown = JSON.parse(store.get(KEY) ?? "{}");
      if (typeof kept === "object" && kept !== null) {
        for (const purpose of Object.keys(allowed) as (keyof Consent)[]) {
          allowed[purpose] = (kept as Partial<Consent>)[purpose] !== false;
        }
      }
      return allowed;
    } catch {
      // Unreadable: nobody knows what was allowed, so nothing is.
      return { measurement: false, personalization: false, training: false };
    }
  };
  return {
    get,
    set: (change) => {
      const consent = { ...get(), ...change };
      store.set(KEY, JSON.stringify(consent));
      return consent;
    },
  };
}
