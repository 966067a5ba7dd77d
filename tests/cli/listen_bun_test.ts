import { equal, ok } from "node:assert/strict";
import { idleSeconds } from "../../src/cli/listen_bun.ts";

Deno.test("Bun's idle limit is above the app's own silences", () => {
  equal(idleSeconds(30_000), 120);
  ok(idleSeconds(150_000) > 150);
});

Deno.test("where Bun's limit can't be that long, there is none", () => {
  equal(idleSeconds(300_000), 0);
});
