/** Time, so that a test can own it. */
export interface Clock {
  /** Milliseconds since 1970 UTC. */
  now(): number;
  /** Run `callback` once after `delayMs`; the returned function cancels it. */
  after(delayMs: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
