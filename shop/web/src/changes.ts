import type { Features } from "./types.ts";

export interface Change {
  name: string;
  before: string;
  after: string;
}

// These move with the clock alone, or say again what another one says.
const CLOCKWORK = /(^|_)(recency_s|tenure_s|age_s|ages_s|length_s|velocity|weights)$/;
const FIRST = ["recent_items", "categories", "cart_items", "bought_items", "recent_actions", "events_total"];
const LEAST_SHARE = 0.02;

/** Features whose value differs, those that tell the most first. Names stand for article codes. */
export function changes(before: Features, after: Features, nameOf: (itemId: string) => string): Change[] {
  return Object.keys(after)
    .filter((name) => !CLOCKWORK.test(name) && differs(before[name]?.value, after[name]?.value))
    .sort((a, b) => rank(a) - rank(b))
    .map((name) => ({
      name,
      before: shown(name, before[name]?.value, nameOf),
      after: shown(name, after[name]?.value, nameOf),
    }));
}

function rank(name: string): number {
  const place = FIRST.indexOf(name);
  if (place >= 0) return place;
  // Counts of the shortest windows change first and are read most easily.
  if (/_5m$/.test(name)) return 10;
  if (/_(1h|24h|1d|7d|30d)$/.test(name) && !name.includes("decayed")) return 20;
  return name.includes("decayed") ? 40 : 30;
}

function differs(before: unknown, after: unknown): boolean {
  // A visitor not known before had nothing: nothing still is no change.
  if (before === undefined && (after === 0 || after === "" || (Array.isArray(after) && after.length === 0))) return false;
  if (typeof before === "number" && typeof after === "number") {
    // Decay alone moves a float a little between two requests.
    if (Number.isInteger(before) && Number.isInteger(after)) return before !== after;
    return Math.abs(after - before) > LEAST_SHARE * Math.max(Math.abs(before), Math.abs(after), 0.5);
  }
  return JSON.stringify(before ?? null) !== JSON.stringify(after ?? null);
}

/** A value short enough for a line. */
export function shown(name: string, value: unknown, nameOf: (itemId: string) => string): string {
  if (value === undefined || value === null || value === "") return "none";
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : value.toFixed(2);
  if (!Array.isArray(value)) return String(value);
  if (value.length === 0) return "none";
  const [first] = value as unknown[];
  const text = name.endsWith("_items") ? nameOf(String(first)) : typeof first === "number" ? first.toFixed(2) : String(first);
  return value.length > 1 ? `${text} +${value.length - 1}` : text;
}
