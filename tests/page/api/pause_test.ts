import { equal } from "node:assert/strict";
import { pause } from "../../../src/page/api/pause.ts";

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
