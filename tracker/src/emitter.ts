import type { Clock } from "./clock.ts";
import type { Message } from "./message.ts";
import type { Queue } from "./queue.ts";
import { retryAfterMs, retryDelayMs } from "./retry.ts";
import type { Notice } from "./notice.ts";

export interface EmitterOptions {
  collectorUrl: string;
  writeKey: string;
  queue: Queue;
  clock: Clock;
  fetch: typeof fetch;
  /** Hands a body to the browser to send after the page is gone; false where it refused. */
  beacon: (url: string, body: string) => boolean;
  /** In [0, 1). */
  random: () => number;
  notify: (notice: Notice) => void;
  batchSize: number;
  flushAfterMs: number;
  timeoutMs: number;
}

export interface Emitter {
  /** Keep a message and send it soon, or at once where somebody waits for its effect. */
  add(message: Message, urgency: "now" | "soon"): void;
  /** Send what is kept, unless the collector asked to wait. */
  flush(): Promise<void>;
  /** The page goes away: hand what is kept to the browser. */
  leave(): void;
}

// A wrong key, a malformed or oversized body: the same bytes would be refused again.
const HOPELESS = new Set([400, 401, 403, 410, 413, 415, 422]);
// Browsers refuse keepalive bodies beyond 64 KiB in flight; below it a request outlives its page.
const KEEPALIVE_CHARACTERS = 15_000;

export function newEmitter(options: EmitterOptions): Emitter {
  const { queue, clock, notify } = options;
  let sending = false;
  let again = false;
  let failures = 0;
  let waiting: (() => void) | null = null;
  let cancelTimer: (() => void) | null = null;
  let batchSize = options.batchSize;

  const body = (batch: Message[]) =>
    JSON.stringify({ batch, sentAt: new Date(clock.now()).toISOString(), writeKey: options.writeKey });

  const post = async (batch: Message[]): Promise<Response> => {
    const payload = body(batch);
    const abort = new AbortController();
    const cancel = clock.after(options.timeoutMs, () => abort.abort());
    try {
      return await options.fetch(options.collectorUrl, {
        method: "POST",
        headers: { "Content-Type": "application/json", Authorization: `Basic ${btoa(`${options.writeKey}:`)}` },
        body: payload,
        credentials: "omit",
        keepalive: payload.length <= KEEPALIVE_CHARACTERS,
        signal: abort.signal,
      });
    } finally {
      cancel();
    }
  };

  const defer = (batch: Message[], reason: string, atLeastMs: number) => {
    failures += 1;
    const delayMs = retryDelayMs(failures, atLeastMs, options.random());
    waiting = clock.after(delayMs, () => {
      waiting = null;
      void flush();
    });
    notify({ kind: "deferred", messages: batch, reason, retryInMs: delayMs });
  };

  const refuse = (batch: Message[], status: number, reason: string) => {
    queue.remove(batch);
    console.warn(`clickloop: the collector refused ${batch.length} events with ${status}: ${reason}`);
    notify({ kind: "refused", messages: batch, reason });
  };

  /** True where the next batch may follow. */
  const sendOne = async (batch: Message[]): Promise<boolean> => {
    const startedMs = clock.now();
    let response: Response;
    try {
      response = await post(batch);
    } catch (error) {
      defer(batch, error instanceof Error ? error.message : String(error), 0);
      return false;
    }
    if (response.ok) {
      failures = 0;
      queue.remove(batch);
      await settle(batch, response, clock.now() - startedMs);
      return true;
    }
    if (response.status === 413 && batch.length > 1) {
      batchSize = Math.max(1, Math.floor(batch.length / 2));
      return true;
    }
    if (HOPELESS.has(response.status)) {
      refuse(batch, response.status, await reasonOf(response));
      return true;
    }
    defer(batch, `status ${response.status}`, retryAfterMs(response.headers.get("Retry-After"), clock.now()));
    return false;
  };

  /** Tell accepted from refused: one bad event does not fail its batch. */
  const settle = async (batch: Message[], response: Response, tookMs: number) => {
    const reasons = rejections(await response.json().catch(() => null));
    const accepted = batch.filter((_, index) => !reasons.has(index));
    for (const [index, reason] of reasons) {
      const message = batch[index];
      if (message) {
        console.warn(`clickloop: the collector refused ${message.event ?? message.type}: ${reason}`);
        notify({ kind: "refused", messages: [message], reason });
      }
    }
    if (accepted.length > 0) notify({ kind: "accepted", messages: accepted, tookMs });
  };

  const flush = async (): Promise<void> => {
    cancelTimer?.();
    cancelTimer = null;
    if (waiting) return;
    if (sending) {
      again = true;
      return;
    }
    sending = true;
    try {
      do {
        again = false;
        let batch = queue.head(batchSize);
        while (batch.length > 0 && (await sendOne(batch))) batch = queue.head(batchSize);
      } while (again && !waiting);
    } finally {
      sending = false;
    }
  };

  return {
    flush,
    add: (message, urgency) => {
      const lost = queue.add(message);
      if (lost > 0) notify({ kind: "overflowed", count: lost });
      notify({ kind: "queued", message });
      if (urgency === "now" || queue.size() >= batchSize) {
        void flush();
      } else {
        cancelTimer ??= clock.after(options.flushAfterMs, () => void flush());
      }
    },
    leave: () => {
      // A collector in trouble would lose what a beacon carries: the next page sends it then.
      if (waiting) return;
      const batch = queue.head(batchSize);
      if (batch.length > 0 && options.beacon(options.collectorUrl, body(batch))) {
        queue.remove(batch);
        notify({ kind: "handed_over", messages: batch });
      }
    },
  };
}

async function reasonOf(response: Response): Promise<string> {
  return (await response.text().catch(() => "")).slice(0, 500) || response.statusText;
}

/** Index in the batch to reason, from the collector's answer. */
function rejections(answer: unknown): Map<number, string> {
  const found = new Map<number, string>();
  const rejected = (answer as { rejected?: unknown } | null)?.rejected;
  if (!Array.isArray(rejected)) return found;
  for (const entry of rejected as { index?: unknown; reason?: unknown }[]) {
    if (typeof entry?.index === "number") found.set(entry.index, String(entry.reason ?? "no reason given"));
  }
  return found;
}
