// How the viewer page has pictures wait for sound. Run with `node --test`.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PictureDelay } from "../../resources/viewer/picture-delay.js";

const SHORTEST_MS = 60;
const LONGEST_MS = 250;

/** Statistics that say that sound is this much behind the picture, in milliseconds. */
const behind = (milliseconds) => [{ estimatedPlayoutTimestamp: 3_900_000_000_000 }, { estimatedPlayoutTimestamp: 3_900_000_000_000 - milliseconds }];

/** A browser whose sound is this late, and whose picture waits as it is told. */
function watch(delay, soundMs, seconds) {
  for (let second = 0; second < seconds; second += 1) delay.follow(...behind(soundMs - delay.milliseconds));
  return Math.abs(soundMs - delay.milliseconds);
}

test("the picture follows sound that is late, within two seconds, and returns", () => {
  const delay = new PictureDelay();
  assert.ok(watch(delay, 150, 2) <= 15);
  assert.ok(watch(delay, SHORTEST_MS, 2) <= 15);
});

test("what nobody notices changes nothing", () => {
  const delay = new PictureDelay();
  assert.equal(delay.follow(...behind(15)), false);
  assert.equal(delay.follow(...behind(-15)), false);
  assert.equal(delay.milliseconds, SHORTEST_MS);
});

test("the picture never waits too long, nor less than sound is always buffered", () => {
  const delay = new PictureDelay();
  watch(delay, 1_500, 20);
  assert.equal(delay.milliseconds, LONGEST_MS);
  watch(delay, 0, 20);
  assert.equal(delay.milliseconds, SHORTEST_MS);
});

test("a browser that does not know, or does not tell, is not believed", () => {
  const delay = new PictureDelay();
  assert.equal(delay.follow(...behind(20_860_392)), false);
  assert.equal(delay.follow({}, {}), false);
  assert.equal(delay.follow({}, undefined), false);
});
