import assert from "node:assert/strict";
import { test } from "node:test";

import { newDwellTimer } from "../src/capture/dwell.ts";
import { newHoverTimer } from "../src/capture/hover.ts";
import { newImpressions } from "../src/capture/impressions.ts";
import { newScrollDepth } from "../src/capture/scroll.ts";
import { newHandClock } from "./clock.ts";

test("a pointer passing by is no hover, one that rests is", async () => {
  const clock = newHandClock();
  const told: [string, number][] = [];
  const hover = newHoverTimer<string>(clock, 600, (target, durationMs) => told.push([target, durationMs]));
  hover.enter("passed");
  await clock.advance(599);
  hover.enter("rested");
  await clock.advance(300);
  hover.enter("rested");
  await clock.advance(400);
  hover.leave();
  assert.deepEqual(told, [["rested", 700]]);
});

test("each quarter of a page is told once, skipped ones too", () => {
  const told: number[] = [];
  const scroll = newScrollDepth((percent) => told.push(percent));
  scroll.seen(300, 2000);
  scroll.seen(1200, 2000);
  scroll.seen(600, 2000);
  scroll.seen(2000, 2000);
  assert.deepEqual(told, [25, 50, 75, 100]);
});

test("another page tells its depths anew", () => {
  const told: number[] = [];
  const scroll = newScrollDepth((percent) => told.push(percent));
  scroll.seen(500, 2000);
  scroll.restart();
  scroll.seen(500, 2000);
  assert.deepEqual(told, [25, 25]);
});

test("a hidden tab does not dwell", async () => {
  const clock = newHandClock();
  const dwell = newDwellTimer(clock);
  await clock.advance(3000);
  dwell.hide();
  await clock.advance(60_000);
  dwell.show();
  await clock.advance(2000);
  assert.equal(dwell.restart(), 5);
  await clock.advance(1000);
  assert.equal(dwell.restart(), 1);
});

test("what was in view long enough is seen once", async () => {
  const clock = newHandClock();
  const seen: string[] = [];
  const impressions = newImpressions<string>(clock, 1000, (target) => seen.push(target));
  impressions.visible("brief", "brief");
  await clock.advance(900);
  impressions.hidden("brief");
  impressions.visible("long", "long");
  await clock.advance(1000);
  impressions.hidden("long");
  impressions.visible("long", "long");
  await clock.advance(5000);
  assert.deepEqual(seen, ["long"]);
});
