import type { Store } from "./store.ts";

const ANONYMOUS_KEY = "clickloop.anonymous";
const USER_KEY = "clickloop.user";

export interface Identity {
  anonymousId(): string;
  userId(): string | null;
  identify(userId: string): void;
  /** Forget the user and begin as a new visitor. */
  reset(): void;
}

/** Who the visitor is: an id made here, and the shop's own id once it is known. */
export function newIdentity(store: Store, newId: () => string): Identity {
  // Also held here, so that a store which refuses does not make a new visitor of each call.
  let anonymous = store.get(ANONYMOUS_KEY);
  let user = store.get(USER_KEY);
  return {
    anonymousId: () => {
      if (anonymous === null) {
        anonymous = newId();
        store.set(ANONYMOUS_KEY, anonymous);
      }
      return anonymous;
    },
    userId: () => user,
    identify: (userId) => {
      user = userId;
      store.set(USER_KEY, userId);
    },
    reset: () => {
      anonymous = null;
      user = null;
      store.remove(ANONYMOUS_KEY);
      store.remove(USER_KEY);
    },
  };
}
