import type { Article, ArticlePage, Category, Config, Customer, Recommendation, Similar } from "./types.ts";

const TIMEOUT_MS = 4000;

/** An answer that was no success. */
export class Refused extends Error {
  readonly status: number;

  constructor(status: number, reason: string) {
    super(reason);
    this.status = status;
  }
}

async function ask<T>(url: string, body?: unknown): Promise<T> {
  const response = await fetch(url, {
    signal: AbortSignal.timeout(TIMEOUT_MS),
    ...(body === undefined
      ? {}
      : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Refused(response.status, (await response.text()).slice(0, 300));
  return (await response.json()) as T;
}

export interface Search {
  category?: string;
  query?: string;
  page?: number;
}

/** The shop's own API. */
export const shop = {
  config: () => ask<Config>("/api/config"),
  categories: () => ask<Category[]>("/api/categories"),
  customers: () => ask<Customer[]>("/api/customers"),
  item: (itemId: string) => ask<Article>(`/api/items/${encodeURIComponent(itemId)}`),
  items: ({ category = "", query = "", page = 1 }: Search) =>
    ask<ArticlePage>(`/api/items?${new URLSearchParams({ category, query, page: String(page) })}`),
};

export interface Visitor {
  userId: string | null;
  /** Null where the visitor does not want to be known. */
  anonymousId: string | null;
}

/** The recommendation service. */
export function newService(url: string) {
  return {
    recommend: (visitor: Visitor, context: Record<string, string>, exclude: string[], k: number) =>
      ask<Recommendation>(`${url}/recommend`, {
        ...(visitor.userId === null ? {} : { user_id: visitor.userId }),
        ...(visitor.anonymousId === null ? {} : { anonymous_id: visitor.anonymousId }),
        k,
        context,
        exclude,
      }),
    similar: (itemId: string, k: number) => ask<Similar>(`${url}/similar`, { item_id: itemId, k }),
  };
}

export type Service = ReturnType<typeof newService>;
