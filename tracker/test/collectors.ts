import type { Message } from "../src/message.ts";

export interface Sent {
  url: string;
  headers: Headers;
  batch: Message[];
  writeKey: string;
  keepalive: boolean;
}

export interface Collector {
  fetch: typeof fetch;
  /** Each request as it came. */
  sent: Sent[];
}

type Answer = (request: Sent, signal: AbortSignal | null, attempt: number) => Response | Promise<Response>;

function collector(answer: Answer): Collector {
  const sent: Sent[] = [];
  const fetch = (async (url: string, init: RequestInit) => {
    const { batch, writeKey } = JSON.parse(init.body as string) as { batch: Message[]; writeKey: string };
    const headers = new Headers(init.headers);
    const request = { url, headers, batch, writeKey, keepalive: init.keepalive === true };
    sent.push(request);
    return answer(request, init.signal ?? null, sent.length);
  }) as typeof globalThis.fetch;
  return { fetch, sent };
}

export const ok = (body: unknown = {}) => new Response(JSON.stringify(body), { status: 200 });

export const willingCollector = () => collector(() => ok());

export const refusingCollector = (status: number, reason: string) =>
  collector(() => new Response(reason, { status }));

/** Refuses the batch's event at `index`, takes the rest. */
export const pickyCollector = (index: number, reason: string) =>
  collector(() => ok({ accepted: 1, rejected: [{ index, reason }] }));

/** Answers 503 to the first `times` requests. */
export const busyCollector = (times: number, retryAfter?: string) =>
  collector((_, __, attempt) =>
    attempt > times
      ? ok()
      : new Response("", { status: 503, headers: retryAfter === undefined ? {} : { "Retry-After": retryAfter } }),
  );

export const unreachableCollector = (times = Number.POSITIVE_INFINITY) =>
  collector((_, __, attempt) => {
    if (attempt <= times) throw new TypeError("Failed to fetch");
    return ok();
  });

/** Accepts the connection and says nothing until the caller gives up. */
export const silentCollector = () =>
  collector(
    (_, signal) =>
      new Promise((__, reject) => signal?.addEventListener("abort", () => reject(new Error("aborted by the caller")))),
  );

/** Takes bodies of at most `most` events. */
export const smallMouthedCollector = (most: number) =>
  collector(({ batch }) => (batch.length > most ? new Response("too large", { status: 413 }) : ok()));

/** Answers each request only when told to. */
export function slowCollector(): Collector & { answerNext(): void } {
  const waiting: (() => void)[] = [];
  return {
    ...collector(() => new Promise((resolve) => waiting.push(() => resolve(ok())))),
    answerNext: () => waiting.shift()?.(),
  };
}
