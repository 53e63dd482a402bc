/**
 * What stands for a category on its articles' tiles: paths on a square of 100.
 *
 * `body` is filled with the article's colour, `detail` with a lighter one, `line` is drawn in ink.
 */
export interface Motif {
  hue: number;
  body?: string;
  detail?: string;
  line?: string;
}

const circle = (x: number, y: number, r: number) =>
  `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0Z`;
const box = (x: number, y: number, width: number, height: number, r = 3) =>
  `M${x + r} ${y}h${width - 2 * r}a${r} ${r} 0 0 1 ${r} ${r}v${height - 2 * r}a${r} ${r} 0 0 1 ${-r} ${r}h${2 * r - width}` +
  `a${r} ${r} 0 0 1 ${-r} ${-r}v${2 * r - height}a${r} ${r} 0 0 1 ${r} ${-r}Z`;
const heart = (x: number, y: number, s: number) =>
  `M${x} ${y + s * 0.9}C${x - s * 1.7} ${y - s * 0.3} ${x - s * 0.7} ${y - s * 1.3} ${x} ${y - s * 0.4}` +
  `C${x + s * 0.7} ${y - s * 1.3} ${x + s * 1.7} ${y - s * 0.3} ${x} ${y + s * 0.9}Z`;

export const MOTIFS: Record<string, Motif> = {
  "Artificial Flowers": {
    hue: 350,
    body: circle(50, 22, 11) + circle(66, 34, 11) + circle(60, 52, 11) + circle(40, 52, 11) + circle(34, 34, 11),
    detail: circle(50, 39, 10),
    line: "M50 62v26M50 80c-12 0-16-6-18-12 10-2 16 2 18 12ZM50 74c10 0 14-5 16-10-9-2-14 2-16 10Z",
  },
  "Bags & Purses": {
    hue: 20,
    body: "M22 42h56l6 38a6 6 0 0 1-6 7H22a6 6 0 0 1-6-7Z",
    detail: box(40, 52, 20, 13, 3),
    line: "M35 50V34a15 15 0 0 1 30 0v16",
  },
  Baking: {
    hue: 60,
    body: "M28 58h44l-6 27a4 4 0 0 1-4 3H38a4 4 0 0 1-4-3Z",
    detail: "M24 56c-4-10 4-15 9-15 0-11 12-17 20-12 9-3 17 4 16 12 8 1 12 9 7 15Z",
    line: "M42 62l3 22M58 62l-3 22M50 62v22" + circle(52, 19, 5),
  },
  "Candles & Lights": {
    hue: 85,
    body: box(36, 44, 28, 42, 5),
    detail: "M50 12c8 9 10 14 10 18a10 10 0 0 1-20 0c0-4 2-9 10-18Z",
    line: "M50 40v8M24 88h52M36 58c8 4 14-4 28 1",
  },
  Christmas: {
    hue: 150,
    body: "M50 12 68 38H60L76 60H64L82 82H18L36 60H24L40 38H32Z",
    detail: circle(44, 46, 4) + circle(58, 66, 4) + circle(38, 72, 4) + circle(54, 30, 3.5),
    line: "M50 82v9M43 91h14",
  },
  "Clocks & Mirrors": {
    hue: 230,
    body: circle(50, 52, 34),
    detail: circle(50, 52, 26),
    line: "M50 34v18l12 8M50 30v2M50 72v2M28 52h2M70 52h2M40 16l-6-5M60 16l6-5",
  },
  "Craft & Sewing": {
    hue: 310,
    body: box(32, 28, 36, 44, 3),
    detail: box(26, 18, 48, 11, 4) + box(26, 71, 48, 11, 4),
    line: "M32 38h36M32 47h36M32 56h36M32 65h36M68 60c16 2 10 20 22 24",
  },
  "Cushions & Throws": {
    hue: 280,
    body: "M20 24c20 6 40 6 60 0 5 18 5 36 0 54-20-5-40-5-60 0-5-18-5-36 0-54Z",
    detail: heart(50, 50, 14),
    line: "M20 24l-7-6M80 24l7-6M20 78l-7 6M80 78l7 6",
  },
  Easter: {
    hue: 105,
    body: "M50 12c16 0 28 24 28 42a28 33 0 0 1-56 0c0-18 12-42 28-42Z",
    detail: "M24 46l9-7 9 7 8-7 8 7 9-7 9 7 1 12H23Z",
    line: "M27 70c16 6 30 6 46 0M34 30c10 4 22 4 32 0",
  },
  "Fashion & Accessories": {
    hue: 260,
    body: "M50 20c24 0 38 18 38 36-6-7-14-7-19 0-6-7-13-7-19 0-6-7-13-7-19 0-5-7-13-7-19 0 0-18 14-36 38-36Z",
    detail: "M50 20c10 8 14 22 14 33-5-4-9-3-14 3-5-6-9-7-14-3 0-11 4-25 14-33Z",
    line: "M50 13v7M50 56v24a7 7 0 0 1-14 0",
  },
  "Fragrance & Bath": {
    hue: 300,
    body: "M34 44h32l8 12v26a6 6 0 0 1-6 6H32a6 6 0 0 1-6-6V56Z",
    detail: box(34, 60, 32, 18, 3) + box(42, 18, 16, 14, 3),
    line: "M44 32v12M56 32v12M68 22c8-4 14-2 18 2M70 30c6 0 10 2 13 6",
  },
  "Frames & Pictures": {
    hue: 200,
    body: "M16 24h68v58H16ZM27 35v36h46V35Z",
    detail: "M27 71l14-18 9 10 11-15 12 14v9Z",
    line: circle(37, 45, 4) + "M38 24l12-12 12 12",
  },
  Garden: {
    hue: 135,
    body: "M26 56h48l-7 32H33Z",
    detail: "M50 52c-4-18-16-22-26-22 0 14 10 22 26 22ZM50 46c2-18 12-26 24-28 2 16-8 28-24 28Z",
    line: "M22 56h56M50 56V34",
  },
  "Gift Wrap": {
    hue: 5,
    body: box(18, 46, 64, 42, 4) + box(14, 34, 72, 14, 3),
    detail: "M43 34h14v54H43Z",
    line: "M50 34c-22 2-28-20-14-20 8 0 12 8 14 20 2-12 6-20 14-20 14 0 8 22-14 20Z",
  },
  "Home Decor": {
    hue: 30,
    body: heart(50, 52, 27),
    detail: heart(50, 50, 11),
    line: "M50 38V12M44 18l6-6 6 6",
  },
  "Hooks & Hardware": {
    hue: 245,
    body: box(16, 18, 68, 18, 5),
    detail: circle(30, 27, 3.5) + circle(50, 27, 3.5) + circle(70, 27, 3.5),
    line: "M30 36v24a9 9 0 0 0 16 5M66 36v30a10 10 0 0 0 18 5",
  },
  Jewellery: {
    hue: 325,
    body: "M36 58h28l10 10-24 24-24-24Z",
    detail: "M36 58l14 34 14-34M26 68h48",
    line: "M18 10c0 28 14 44 32 48 18-4 32-20 32-48",
  },
  "Kitchen & Dining": {
    hue: 45,
    body: circle(50, 52, 30),
    detail: circle(50, 52, 20),
    line: "M8 24v16a6 6 0 0 0 12 0V24M14 24v62M88 86V24c-8 4-10 18-8 30h8",
  },
  Other: {
    hue: 75,
    body: "M50 14 60 40l27 1-21 17 8 27-24-16-24 16 8-27-21-17 27-1Z",
    detail: circle(50, 54, 9),
    line: "",
  },
  "Party & Celebration": {
    hue: 340,
    body: "M8 30c28 12 56 12 84 0l-4-2C60 38 40 38 12 28Z",
    detail: "M16 34l18 5-11 20ZM40 40h20L50 62ZM66 39l18-5-7 25Z",
    line: "M30 74l3-6M50 84v-8M70 74l-3-6M22 88h1M78 88h1M40 92h1M62 92h1",
  },
  "Signs & Letters": {
    hue: 215,
    body: box(14, 34, 72, 40, 5),
    detail: box(21, 41, 58, 26, 3),
    line: "M26 34 50 14l24 20M32 54h36M40 61h20",
  },
  "Stationery & Cards": {
    hue: 190,
    body: box(14, 30, 60, 46, 4),
    detail: "M14 34l30 22 30-22v-2a3 3 0 0 0-3-3H17a3 3 0 0 0-3 3Z",
    line: "M66 84l22-42 6 4-22 40-8 5Z",
  },
  Storage: {
    hue: 65,
    body: "M18 42h64l-6 42a4 4 0 0 1-4 4H28a4 4 0 0 1-4-4Z",
    detail: "M23 56h54l-1.5 10H24.5Z",
    line: "M14 42h72M32 42c0-30 36-30 36 0M38 70v14M50 70v14M62 70v14",
  },
  "Tea & Coffee": {
    hue: 15,
    body: "M20 40h52v24a22 22 0 0 1-22 22h-8a22 22 0 0 1-22-22Z",
    detail: "M20 50h52v9H20Z",
    line: "M72 46h6a10 10 0 0 1 0 22h-7M14 92h64M36 30c-5-6 5-9 0-16M54 30c-5-6 5-9 0-16",
  },
  "Toys & Children": {
    hue: 95,
    body: circle(50, 58, 28) + circle(28, 32, 11) + circle(72, 32, 11),
    detail: "M50 56a14 11 0 1 0 .1 0Z" + circle(28, 32, 5) + circle(72, 32, 5),
    line: "M40 50v1M60 50v1M50 62v5M44 71c4 4 8 4 12 0",
  },
};

/** What stands for an article whose name has the word; goes before its category's motif, and takes its hue. */
export const WORD_MOTIFS: Record<string, Omit<Motif, "hue">> = {
  earrings: {
    body: "M32 44l12 20-12 22-12-22ZM68 44l12 20-12 22-12-22Z",
    detail: circle(32, 38, 6) + circle(68, 38, 6),
    line: "M32 32V22c0-8 9-8 9-1M68 32V22c0-8 9-8 9-1",
  },
  ring: {
    body: "M38 14h24l9 11-21 19-21-19Z",
    detail: "M38 14l12 30 12-30M29 25h42",
    line: "M40 40a27 27 0 1 0 20 0M44 46a21 21 0 1 0 12 0",
  },
  bracelet: {
    body: circle(50, 18, 9) + circle(75, 28, 9) + circle(84, 53, 9) + circle(73, 77, 9) + circle(27, 77, 9) +
      circle(16, 53, 9) + circle(25, 28, 9),
    detail: heart(50, 86, 12),
    line: "",
  },
  brooch: {
    body: circle(50, 24, 13) + circle(74, 42, 13) + circle(65, 70, 13) + circle(35, 70, 13) + circle(26, 42, 13),
    detail: circle(50, 50, 13),
    line: "M14 92 86 92",
  },
  mirror: {
    body: "M50 8c18 0 28 14 28 30S66 68 50 68 22 54 22 38 32 8 50 8Z",
    detail: "M50 16c13 0 21 10 21 22S63 60 50 60 29 50 29 38s8-22 21-22Z",
    line: "M50 68v24M42 92h16M40 42l14-16M46 48l10-12",
  },
  notebook: {
    body: box(24, 14, 54, 72, 5),
    detail: box(38, 28, 30, 18, 2),
    line: "M18 26h12M18 42h12M18 58h12M18 74h12M44 34h18M44 40h10",
  },
  pencils: {
    body: box(20, 36, 14, 52, 2) + box(43, 30, 14, 58, 2) + box(66, 40, 14, 48, 2),
    detail: "M20 36l7-18 7 18ZM43 30l7-18 7 18ZM66 40l7-18 7 18Z",
    line: "M20 78h14M43 78h14M66 78h14",
  },
  lantern: {
    body: "M30 36h40l6 44H24Z",
    detail: "M42 76c-6-14 4-18 8-28 4 10 14 14 8 28Z",
    line: "M24 80h52v8H24ZM32 36l8-14h20l8 14M50 22V10M42 10h16",
  },
  lampshade: {
    body: "M34 18h32l18 46H16Z",
    detail: "M42 18h16l8 46H34Z",
    line: "M50 64v22M36 88h28M66 64v12",
  },
  bottle: {
    body: "M40 12h20v18c0 6 12 10 12 22v32a6 6 0 0 1-6 6H34a6 6 0 0 1-6-6V52c0-12 12-16 12-22Z",
    detail: box(33, 54, 34, 22, 3),
    line: "M38 12h24M40 22h20",
  },
  bowl: {
    body: "M10 42h80c0 26-16 42-40 42S10 68 10 42Z",
    detail: "M14 54h72c-1 5-3 8-4 10H18c-1-2-3-5-4-10Z",
    line: "M38 88h24M10 42h80M40 30c-4-5 4-8 0-14M58 30c-4-5 4-8 0-14",
  },
  teapot: {
    body: "M26 40h46c8 12 6 44-23 44S18 52 26 40Z",
    detail: "M22 54h54v10H22Z",
    line: "M72 50c14-2 12-18 22-16-2 12-6 24-18 28M24 48C8 44 6 72 24 70M34 40c2-14 28-14 30 0M49 30v-6",
  },
  bauble: {
    body: circle(50, 58, 30),
    detail: "M22 50l9-8 9 8 10-8 10 8 9-8 9 8 2 14H20Z",
    line: "M43 28v-9h14v9M50 19c-8-12 8-12 0 0",
  },
  star: {
    body: "M50 10 61 39l31 2-24 19 8 30-26-17-26 17 8-30L8 41l31-2Z",
    detail: circle(50, 55, 10),
    line: "",
  },
  butterfly: {
    body: "M48 50C40 18 10 16 12 36c1 12 16 16 36 14ZM52 50c8-32 38-34 36-14-1 12-16 16-36 14ZM48 52C30 54 18 66 24 78c8 10 22-6 24-26ZM52 52c18 2 30 14 24 26-8 10-22-6-24-26Z",
    detail: circle(27, 36, 6) + circle(73, 36, 6),
    line: "M50 34v42M50 34c-2-8-6-14-12-16M50 34c2-8 6-14 12-16",
  },
  bunting: {
    body: "M10 30l26 10-18 24ZM40 41h22L51 68ZM66 39l24-9-8 34Z",
    detail: circle(23, 43, 4) + circle(51, 50, 4) + circle(78, 43, 4),
    line: "M4 26c30 18 62 18 92 0",
  },
  tin: {
    body: box(20, 36, 60, 50, 6),
    detail: box(30, 50, 40, 22, 4),
    line: "M16 28h68v10H16ZM42 28c0-10 16-10 16 0",
  },
  umbrella: {
    body: "M50 20c24 0 38 18 38 36-6-7-14-7-19 0-6-7-13-7-19 0-6-7-13-7-19 0-5-7-13-7-19 0 0-18 14-36 38-36Z",
    detail: "M50 20c10 8 14 22 14 33-5-4-9-3-14 3-5-6-9-7-14-3 0-11 4-25 14-33Z",
    line: "M50 13v7M50 56v24a7 7 0 0 1-14 0",
  },
};
for (const [word, as] of [
  ["earring", "earrings"],
  ["bangle", "bracelet"],
  ["journal", "notebook"],
  ["book", "notebook"],
  ["pencil", "pencils"],
  ["pens", "pencils"],
  ["pen", "pencils"],
  ["lamp", "lampshade"],
  ["baubles", "bauble"],
  ["stars", "star"],
  ["tins", "tin"],
  ["bowls", "bowl"],
] as const) {
  WORD_MOTIFS[word] = WORD_MOTIFS[as] as Omit<Motif, "hue">;
}
