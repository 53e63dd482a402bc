import type { Article } from "./types.ts";

export interface CartLine extends Article {
  quantity: number;
}

export type CartStorage = Pick<Storage, "getItem" | "setItem">;

const KEY = "clickloop.cart";

/** What the visitor means to buy, kept by the browser. */
export function newCart(storage: CartStorage, onChange: (lines: CartLine[]) => void) {
  let lines = read(storage);
  const write = (next: CartLine[]) => {
    lines = next;
    try {
      storage.setItem(KEY, JSON.stringify(lines));
    } catch {
      // A full or forbidden storage costs the cart its memory beyond this page, nothing else.
    }
    onChange(lines);
  };
  return {
    lines: (): readonly CartLine[] => lines,
    pieces: () => lines.reduce((sum, { quantity }) => sum + quantity, 0),
    total: () => lines.reduce((sum, { quantity, price }) => sum + quantity * price, 0),
    add: ({ item_id, name, price, category }: Article, quantity: number) => {
      const there = lines.find((line) => line.item_id === item_id);
      write(
        there
          ? lines.map((line) => (line === there ? { ...line, quantity: line.quantity + quantity } : line))
          : [...lines, { item_id, name, price, category, quantity }],
      );
    },
    /** Take pieces out; a line without pieces goes. */
    remove: (itemId: string, quantity: number) => {
      write(
        lines.flatMap((line) => {
          if (line.item_id !== itemId) return [line];
          return line.quantity > quantity ? [{ ...line, quantity: line.quantity - quantity }] : [];
        }),
      );
    },
    empty: () => write([]),
  };
}

export type Cart = ReturnType<typeof newCart>;

function read(storage: CartStorage): CartLine[] {
  try {
    const kept: unknown = JSON.parse(storage.getItem(KEY) ?? "[]");
    return Array.isArray(kept) ? (kept as CartLine[]).filter((line) => line?.item_id && line.quantity > 0) : [];
  } catch {
    return [];
  }
}
