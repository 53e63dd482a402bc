import { systemClock, type Clock } from "./clock.ts";
import { newConsent, type Consent } from "./consent.ts";
import { newEmitter } from "./emitter.ts";
import { newIdentity } from "./identity.ts";
import {
  EVENT_NAMES,
  itemProperties,
  placementProperties,
  type BrowserContext,
  type EventKind,
  type Item,
  type Line,
  type Message,
  type Placement,
  type Properties,
} from "./message.ts";
import type { Listener, Notice } from "./notice.ts";
import { newQueue } from "./queue.ts";
import { newSession } from "./session.ts";
import { newMemoryStore, type Store } from "./store.ts";

export interface TrackerOptions {
  /** The collector's address, without path. */
  collectorUrl: string;
  /** Public by nature: it names the shop, it protects nothing. */
  writeKey: string;
  store?: Store;
  clock?: Clock;
  fetch?: typeof fetch;
  beacon?: (url: string, body: string) => boolean;
  random?: () => number;
  newId?: () => string;
  context?: () => BrowserContext;
  /** Unsent messages kept at most; the oldest go first. */
  maxMessages?: number;
  batchSize?: number;
  flushAfterMs?: number;
  timeoutMs?: number;
}

export interface Tracker {
  page(properties?: Properties): Message | null;
  itemView(item: Item, placement?: Placement): Message | null;
  click(item: Item, placement?: Placement): Message | null;
  hover(item: Item, placement: Placement, durationMs: number): Message | null;
  impression(item: Item, placement: Placement): Message | null;
  scroll(depthPercent: number): Message | null;
  dwell(seconds: number, item?: Item): Message | null;
  search(query: string, results: number): Message | null;
  addToCart(line: Line, placement?: Placement): Message | null;
  removeFromCart(line: Line): Message | null;
  checkoutStarted(lines: readonly Line[]): Message | null;
  purchase(orderId: string, lines: readonly Line[]): Message | null;
  /** From now on the visitor is this user; the past of this browser joins the user's. */
  identify(userId: string, traits?: Properties): Message | null;
  /** From now on the visitor is this user; the past of `previousId`, by default of whom the visitor was, joins it. */
  alias(userId: string, previousId?: string): Message | null;
  /** Log out: a new visitor in a new session. */
  reset(): void;
  consent(): Consent;
  setConsent(change: Partial<Consent>): Consent;
  anonymousId(): string;
  userId(): string | null;
  /** Hear what becomes of messages; the returned function ends it. */
  on(listener: Listener): () => void;
  flush(): Promise<void>;
  /** The page goes away. */
  leave(): void;
}

// Somebody waits to see what these change; the rest may travel together.
const AT_ONCE: ReadonlySet<EventKind> = new Set([
  "click",
  "itemView",
  "addToCart",
  "removeFromCart",
  "search",
  "checkoutStarted",
  "purchase",
  "consent",
] as const);

/** A tracker that owns nothing of the browser: everything it needs is passed in. */
export function newTracker(options: TrackerOptions): Tracker {
  const clock = options.clock ?? systemClock;
  const store = options.store ?? newMemoryStore();
  const newId = options.newId ?? (() => crypto.randomUUID());
  const identity = newIdentity(store, newId);
  const session = newSession(store, clock, newId);
  const consent = newConsent(store);
  const listeners = new Set<Listener>();
  const notify = (notice: Notice) => {
    for (const listener of listeners) {
      try {
        listener(notice);
      } catch (error) {
        console.error("clickloop: a listener failed", error);
      }
    }
  };
  const emitter = newEmitter({
    collectorUrl: `${options.collectorUrl.replace(/\/+$/, "")}/v1/batch`,
    writeKey: options.writeKey,
    queue: newQueue(store, options.maxMessages ?? 500),
    clock,
    fetch: options.fetch ?? ((input, init) => fetch(input, init)),
    beacon: options.beacon ?? (() => false),
    random: options.random ?? Math.random,
    notify,
    batchSize: options.batchSize ?? 25,
    flushAfterMs: options.flushAfterMs ?? 1000,
    timeoutMs: options.timeoutMs ?? 10_000,
  });

  const send = (
    part: Pick<Message, "type" | "event" | "properties" | "traits" | "previousId">,
    urgency: "now" | "soon",
  ): Message | null => {
    const allowed = consent.get();
    const event = part.event ?? part.type;
    // The withdrawal itself is told, or nobody downstream would know of it.
    if (!allowed.measurement && event !== EVENT_NAMES.consent) {
      notify({ kind: "withheld", event });
      return null;
    }
    const userId = identity.userId();
    const message: Message = {
      messageId: newId(),
      ...part,
      anonymousId: identity.anonymousId(),
      ...(userId === null ? {} : { userId }),
      timestamp: new Date(clock.now()).toISOString(),
      context: {
        ...options.context?.(),
        sessionId: session.touch(),
        consent: { categoryPreferences: allowed },
      },
    };
    emitter.add(message, urgency);
    return message;
  };
  const track = (kind: EventKind, properties: Properties) =>
    send({ type: "track", event: EVENT_NAMES[kind], properties }, AT_ONCE.has(kind) ? "now" : "soon");
  const ofItem = (item: Item, placement: Placement = {}) => ({
    ...itemProperties(item),
    ...placementProperties(placement),
  });
  const ofLine = (line: Line) => ({ ...itemProperties(line), quantity: line.quantity });

  return {
    page: (properties = {}) => send({ type: "page", properties }, "soon"),
    itemView: (item, placement) => track("itemView", ofItem(item, placement)),
    click: (item, placement) => track("click", ofItem(item, placement)),
    hover: (item, placement, durationMs) => track("hover", { ...ofItem(item, placement), duration_ms: durationMs }),
    impression: (item, placement) => track("impression", ofItem(item, placement)),
    scroll: (depthPercent) => track("scroll", { depth_percent: depthPercent }),
    dwell: (seconds, item) => track("dwell", { ...(item ? itemProperties(item) : {}), seconds }),
    search: (query, results) => track("search", { query, results }),
    addToCart: (line, placement = {}) => track("addToCart", { ...ofLine(line), ...placementProperties(placement) }),
    removeFromCart: (line) => track("removeFromCart", ofLine(line)),
    checkoutStarted: (lines) => track("checkoutStarted", { products: lines.map(ofLine) }),
    purchase: (orderId, lines) => track("purchase", { order_id: orderId, products: lines.map(ofLine) }),
    identify: (userId, traits = {}) => {
      identity.identify(userId);
      return send({ type: "identify", traits }, "now");
    },
    alias: (userId, previousId = identity.userId() ?? identity.anonymousId()) => {
      identity.identify(userId);
      return send({ type: "alias", previousId }, "now");
    },
    reset: () => {
      identity.reset();
      session.end();
    },
    consent: consent.get,
    setConsent: (change) => {
      const now = consent.set(change);
      track("consent", { ...now });
      return now;
    },
    anonymousId: identity.anonymousId,
    userId: identity.userId,
    on: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    flush: emitter.flush,
    leave: emitter.leave,
  };
}
