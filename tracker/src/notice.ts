import type { Message } from "./message.ts";

/** What becomes of messages, told to whoever listens by `tracker.on`. */
export type Notice =
  | { kind: "queued"; message: Message }
  | { kind: "accepted"; messages: Message[]; tookMs: number }
  | { kind: "refused"; messages: Message[]; reason: string }
  | { kind: "deferred"; messages: Message[]; reason: string; retryInMs: number }
  | { kind: "handed_over"; messages: Message[] }
  | { kind: "overflowed"; count: number }
  | { kind: "withheld"; event: string };

export type Listener = (notice: Notice) => void;
