/** An article as the shop's own API gives it. */
export interface Article {
  item_id: string;
  name: string;
  price: number;
  category: string;
}

export interface ArticlePage {
  items: Article[];
  total: number;
  number: number;
  pages: number;
}

export interface Category {
  name: string;
  count: number;
}

export interface Customer {
  customer_id: string;
  purchases: number;
  favourite: string;
  share: number;
}

export interface Config {
  collectorUrl: string;
  serviceUrl: string;
  writeKey: string;
}

export interface Recommended extends Article {
  score: number;
}

/** A value the model read, and its age in seconds. */
export interface FeatureValue {
  value: unknown;
  age_s: number | null;
}

export type Features = Record<string, FeatureValue>;

/** The service's answer to /recommend. */
export interface Recommendation {
  recommendation_id: string;
  items: Recommended[];
  source: string;
  model_version: string | null;
  variant: string;
  state_version: number;
  degraded: string[];
  features: Features;
  timings_ms: Record<string, number>;
}

export interface Similar {
  items: Recommended[];
  source: string;
  model_version: string | null;
  timings_ms: Record<string, number>;
}
