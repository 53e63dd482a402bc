import type { Article } from "./types.ts";

/** Names of the articles that the page has met; a code that it has not met stands for itself. */
export function newNames() {
  const names = new Map<string, string>();
  return {
    learn: (articles: readonly Pick<Article, "item_id" | "name">[]) => {
      for (const { item_id, name } of articles) names.set(item_id, name);
    },
    of: (itemId: string): string => names.get(itemId) ?? itemId,
  };
}

export type Names = ReturnType<typeof newNames>;
