import { equal, ok } from "node:assert/strict";
import { shutDown, type ShutdownTargets } from "../../../src/cli/serve/shutdown.ts";

const LIMITS = { drainMs: 40, totalMs: 120 };

function never(): Promise<void> {
  return new Promise(() => {});
}

function running(
  parts: Partial<ShutdownTargets> & { stop?: () => Promise<void> },
): ShutdownTargets {
  return {
    listener: { stop: parts.stop ?? (() => Promise.resolve()) },
    endReaders: parts.endReaders ?? (() => {}),
    closeStorage: parts.closeStorage ?? (() => Promise.resolve()),
  };
}

Deno.test("connections stop, readers are answered, then the storage is closed: 0", async () => {
  const steps: string[] = [];
  const answered = Promise.withResolvers<void>();
  const code = await shutDown(running({
    async stop() {
      steps.push("stop");
      await answered.promise;
      steps.push("drained");
    },
    endReaders() {
      steps.push("answer");
      answered.resolve();
    },
    closeStorage() {
      steps.push("close");
      return Promise.resolve();
    },
  }));
  equal(code, 0);
  equal(steps.join(" "), "stop answer drained close");
});

Deno.test("a connection that stays busy doesn't keep the storage from closing: 0", async () => {
  let closed = false;
  const closeStorage = () => {
    closed = true;
    return Promise.resolve();
  };
  equal(await shutDown(running({ stop: never, closeStorage }), LIMITS), 0);
  ok(closed);
});

Deno.test("a storage that doesn't close in time isn't waited for: 1", async () => {
  equal(await shutDown(running({ closeStorage: never }), LIMITS), 1);
});

Deno.test("a storage that fails to close is no clean end: 1", async () => {
  const closeStorage = () => Promise.reject(new Error("the disk is gone"));
  equal(await shutDown(running({ closeStorage }), LIMITS), 1);
});
