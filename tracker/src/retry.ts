const FIRST_MS = 500;
const LONGEST_MS = 30_000;

/**
 * How long to wait before the next attempt: exponential backoff with equal jitter
 * (half fixed, half random), never less than the server's Retry-After.
 *
 * `attempt` counts failures so far, from 1; `random` is in [0, 1).
 */
export function retryDelayMs(attempt: number, retryAfterMs: number, random: number): number {
  const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** (attempt - 1));
  return Math.max(retryAfterMs, ceiling / 2 + (ceiling / 2) * random);
}

/** Milliseconds of a Retry-After header, in seconds or as a date; 0 where there is none. */
export function retryAfterMs(header: string | null, nowMs: number): number {
  if (header === null || header.trim() === "") return 0;
  const seconds = Number(header);
  const delay = Number.isNaN(seconds) ? Date.parse(header) - nowMs : seconds * 1000;
  return Number.isFinite(delay) ? Math.max(0, delay) : 0;
}
