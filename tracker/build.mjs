// Builds the tracker's and the shop's bundles: `node build.mjs [FOLDER]`; a folder takes them in place of the tree.
import { build } from "esbuild";
import { fileURLToPath } from "node:url";
import { dirname, join } from "node:path";

const project = dirname(dirname(fileURLToPath(import.meta.url)));
const target = process.argv[2] ?? project;

const BUNDLES = [
  { entry: "tracker/src/index.ts", out: "tracker/dist/clickloop.js" },
  { entry: "shop/web/src/main.ts", out: "shop/web/dist/shop.js" },
  { entry: "shop/web/src/shop.css", out: "shop/web/dist/shop.css" },
];

for (const { entry, out } of BUNDLES) {
  await build({
    absWorkingDir: project,
    entryPoints: [entry],
    outfile: join(target, out),
    bundle: true,
    format: "esm",
    target: ["es2022", "chrome111", "firefox113", "safari16.4"],
    minify: true,
    charset: "utf8",
    legalComments: "none",
    external: ["/tracker/clickloop.js"],
  });
}
