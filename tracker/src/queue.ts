import type { Message } from "./message.ts";
import type { Store } from "./store.ts";

const KEY = "clickloop.queue";

export interface Queue {
  /** Append a message; returns how many of the oldest had to go to make room. */
  add(message: Message): number;
  /** The oldest messages, at most `count`. */
  head(count: number): Message[];
  /** Remove by message id: another tab may have taken some already. */
  remove(messages: readonly Message[]): void;
  size(): number;
}

/**
 * Unsent messages, oldest first, at most `maxMessages`, shared by the tabs of a browser.
 *
 * Two tabs may send the same message; its id makes it count once.
 */
export function newQueue(store: Store, maxMessages: number): Queue {
  // What a full store could not take; it is sent all the same while the page lives.
  let unstored: Message[] = [];

  const stored = (): Message[] => {
    try {
      const kept: unknown = JSON.parse(store.get(KEY) ?? "[]");
      return Array.isArray(kept) ? (kept as Message[]) : [];
    } catch {
      return [];
    }
  };
  const all = () => [...stored(), ...unstored];
  const write = (messages: Message[]) => {
    if (store.set(KEY, JSON.stringify(messages))) {
      unstored = [];
    } else {
      store.remove(KEY);
      unstored = messages;
    }
  };

  return {
    add: (message) => {
      const messages = [...all(), message];
      const overflow = Math.max(0, messages.length - maxMessages);
      write(messages.slice(overflow));
      return overflow;
    },
    head: (count) => all().slice(0, count),
    remove: (messages) => {
      const gone = new Set(messages.map((message) => message.messageId));
      const rest = all().filter((message) => !gone.has(message.messageId));
      write(rest);
    },
    size: () => all().length,
  };
}
