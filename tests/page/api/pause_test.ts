import { deepEqual, equal } from "node:assert/strict";
import { pause, Pauses } from "../../../src/page/api/pause.ts";

Deno.test("a pause that is over leaves nothing at its signal, of which there may be thousands", async () => {
  const { signal } = new AbortController();
  let listeners = 0;
  Object.assign(signal, {
    addEventListener: () => listeners++,
    removeEventListener: () => listeners--,
  });
  await pause(1, signal);
  equal(listeners, 0);
});

Deno.test("a pause ends as its signal is aborted, and doesn't begin after that", async () => {
  const controller = new AbortController();
  const paused = pause(60_000, controller.signal);
  controller.abort();
  await paused;
  await pause(60_000, controller.signal);
});

Deno.test("pauses grow and are of a random length, as long as the server asked for at least, and short again after a success", () => {
  const longest = new Pauses(() => 1);
  deepEqual([1, 2, 3, 4, 5, 6].map(() => longest.next()), [1e3, 2e3, 4e3, 8e3, 8e3, 8e3]);
  longest.reset();
  equal(longest.next(), 1_000);
  const shortest = new Pauses(() => 0);
  deepEqual([shortest.next(), shortest.next(3_000)], [250, 3_500]);
});
