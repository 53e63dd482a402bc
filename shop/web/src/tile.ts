import { svg } from "./dom.ts";
import { MOTIFS, WORD_MOTIFS, type Motif } from "./motifs.ts";
import type { Article } from "./types.ts";

interface Colour {
  hue?: number;
  /** 0 is grey, 1 as vivid as tiles go. */
  chroma: number;
  /** Of the motif's body, between 0 and 1. */
  lightness: number;
}

// Colours that names tell; the first word that tells one decides.
const COLOURS: Record<string, Colour> = {
  red: { hue: 25, chroma: 1, lightness: 0.58 },
  pink: { hue: 355, chroma: 0.75, lightness: 0.72 },
  blue: { hue: 250, chroma: 0.8, lightness: 0.62 },
  green: { hue: 145, chroma: 0.8, lightness: 0.62 },
  yellow: { hue: 95, chroma: 0.9, lightness: 0.82 },
  orange: { hue: 55, chroma: 1, lightness: 0.72 },
  purple: { hue: 305, chroma: 0.85, lightness: 0.55 },
  lilac: { hue: 305, chroma: 0.5, lightness: 0.76 },
  lavender: { hue: 295, chroma: 0.5, lightness: 0.74 },
  fuschia: { hue: 345, chroma: 1, lightness: 0.6 },
  brown: { hue: 55, chroma: 0.5, lightness: 0.48 },
  chocolate: { hue: 50, chroma: 0.45, lightness: 0.42 },
  gold: { hue: 85, chroma: 0.75, lightness: 0.74 },
  amber: { hue: 70, chroma: 0.9, lightness: 0.7 },
  turquoise: { hue: 195, chroma: 0.7, lightness: 0.7 },
  mint: { hue: 165, chroma: 0.4, lightness: 0.82 },
  black: { chroma: 0.02, lightness: 0.32 },
  white: { chroma: 0.06, lightness: 0.97 },
  ivory: { hue: 90, chroma: 0.2, lightness: 0.95 },
  cream: { hue: 85, chroma: 0.25, lightness: 0.93 },
  silver: { hue: 250, chroma: 0.08, lightness: 0.8 },
  grey: { hue: 250, chroma: 0.06, lightness: 0.65 },
};

/** A number from a text, the same each time (FNV-1a, 32 bits). */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}

/** The picture of an article: its category's motif in the colour and on the pattern that its name tells. */
export function tile(article: Article): SVGElement {
  const hash = hashOf(article.item_id + article.name);
  const words = article.name.toLowerCase().split(/[^a-z]+/);
  const ofCategory = MOTIFS[article.category] ?? (MOTIFS["Other"] as Motif);
  // The last such word is the thing itself: a "rose bowl" is a bowl.
  const named = words.findLast((word) => Object.hasOwn(WORD_MOTIFS, word));
  const motif: Motif = { ...(named ? WORD_MOTIFS[named] : ofCategory), hue: ofCategory.hue };
  const colour = words.map((word) => COLOURS[word]).find((told) => told !== undefined);
  const drift = (hash % 41) - 20;
  const hue = colour?.hue ?? motif.hue + drift;

  const picture = svg("svg", { class: "tile", viewBox: "0 0 120 120", preserveAspectRatio: "xMidYMid slice", "aria-hidden": "true", focusable: "false" });
  picture.style.setProperty("--ground", String(motif.hue + drift));
  picture.style.setProperty("--hue", String(hue));
  picture.style.setProperty("--chroma", String(colour?.chroma ?? 0.62));
  picture.style.setProperty("--lightness", String(colour?.lightness ?? 0.68));
  picture.append(svg("rect", { class: "ground", width: 120, height: 120 }), pattern(words, hash));
  const tilt = ((hash >>> 8) % 9) - 4;
  const scale = 0.7 + ((hash >>> 12) % 5) * 0.02;
  picture.append(
    svg(
      "g",
      { transform: `translate(60 61) rotate(${tilt}) scale(${scale}) translate(-50 -50)` },
      svg("path", { class: "body", d: motif.body ?? "", "fill-rule": "evenodd" }),
      svg("path", { class: "detail", d: motif.detail ?? "" }),
      svg("path", { class: "line", d: motif.line ?? "" }),
    ),
  );
  return picture;
}

function pattern(words: string[], hash: number): SVGElement {
  const told = (...some: string[]) => some.some((word) => words.includes(word));
  let d = "";
  if (told("spot", "spots", "spotty", "retrospot", "dot", "dots", "dotty", "polkadot")) d = grid(dot);
  else if (told("stripe", "stripes", "stripey", "striped")) d = stripes();
  else if (told("heart", "hearts", "love", "sweetheart")) d = grid(heart);
  else if (told("star", "stars", "snowflake")) d = grid(star);
  else if (told("rose", "roses", "flower", "flowers", "daisy", "floral", "blossom", "paisley")) d = grid(bloom);
  else if (told("check", "gingham", "union")) d = checks();
  else if (hash % 3 === 0) d = `M0 ${78 + (hash % 13)}C40 ${70 + (hash % 9)} 70 ${96 - (hash % 11)} 120 84V120H0Z`;
  else if (hash % 3 === 1) d = `M60 ${8 + (hash % 5)}a52 52 0 1 0 .1 0Z`;
  return svg("path", { class: "pattern", d });
}

function grid(shape: (x: number, y: number) => string): string {
  let d = "";
  for (let row = 0; row < 5; row += 1) {
    for (let column = 0; column < 5; column += 1) d += shape(12 + column * 26 - (row % 2) * 13, 10 + row * 25);
  }
  return d;
}

const dot = (x: number, y: number) => `M${x - 4} ${y}a4 4 0 1 0 8 0a4 4 0 1 0-8 0Z`;
const heart = (x: number, y: number) => `M${x} ${y + 5}c-11-7-4-13 0-7 4-6 11 0 0 7Z`;
const star = (x: number, y: number) => `M${x} ${y - 6}l1.5 4.5 4.5 1.5-4.5 1.5-1.5 4.5-1.5-4.5-4.5-1.5 4.5-1.5Z`;
const bloom = (x: number, y: number) =>
  [0, 1, 2, 3].map((turn) => dot(x + [0, 5, 0, -5][turn]! * 0.8, y + [-5, 0, 5, 0][turn]! * 0.8)).join("");

function stripes(): string {
  return [0, 1, 2, 3, 4, 5].map((index) => `M${index * 22 - 4} 0h10v120h-10Z`).join("");
}

function checks(): string {
  return stripes() + [0, 1, 2, 3, 4, 5].map((index) => `M0 ${index * 22 - 4}v10h120v-10Z`).join("");
}
