import type { Consent } from "./consent.ts";

/** An article, as far as the page knows it. `price` is for one piece, in the shop's currency. */
export interface Item {
  itemId: string;
  name?: string;
  price?: number;
  category?: string;
}

/** Where on a page an article stood: in which list, at which place, by which recommendation. */
export interface Placement {
  recommendationId?: string;
  position?: number;
  list?: string;
}

/** An article and how many pieces of it. */
export interface Line extends Item {
  quantity: number;
}

export type Properties = Record<string, unknown>;

/** What every message says of the browser; nothing finer than a time zone tells where it is. */
export interface BrowserContext {
  page?: { url: string; referrer: string };
  locale?: string;
  timezone?: string;
  device?: { type: string };
  network?: { effectiveType: string };
  screen?: { width: number; height: number };
}

export interface MessageContext extends BrowserContext {
  sessionId: string;
  consent: { categoryPreferences: Consent };
}

/** One message in Segment's HTTP shape. */
export interface Message {
  messageId: string;
  type: "track" | "page" | "identify" | "alias";
  event?: string;
  anonymousId: string;
  userId?: string;
  /** In an alias: the user, or the anonymous id, that `userId` was until now. */
  previousId?: string;
  timestamp: string;
  properties?: Properties;
  traits?: Properties;
  context: MessageContext;
}

/** Names of Segment's e-commerce specification, and our own where it has none. */
export const EVENT_NAMES = {
  itemView: "Product Viewed",
  click: "Product Clicked",
  addToCart: "Product Added",
  removeFromCart: "Product Removed",
  search: "Products Searched",
  checkoutStarted: "Checkout Started",
  purchase: "Order Completed",
  hover: "hover",
  scroll: "scroll",
  dwell: "dwell",
  impression: "impression",
  consent: "consent",
} as const;

export type EventKind = keyof typeof EVENT_NAMES;

/** Segment's property names of an article. */
export function itemProperties(item: Item): Properties {
  return withoutUndefined({
    product_id: item.itemId,
    name: item.name,
    price: item.price,
    category: item.category,
  });
}

/** Segment's property names of a placement. */
export function placementProperties(placement: Placement): Properties {
  return withoutUndefined({
    recommendation_id: placement.recommendationId,
    position: placement.position,
    list_id: placement.list,
  });
}

function withoutUndefined(properties: Properties): Properties {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined));
}
