import { deepEqual, equal, throws } from "node:assert/strict";
import { Rates } from "../../../src/server/page/rates.ts";
import { createMemoryStorage } from "../../../src/storage/memory.ts";
import { yieldToEventLoop } from "../../support/event_loop.ts";

/** The streams that pages compare. */

function names(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, i) => `s${from + i}`);
}

Deno.test("all pages together compare 512 streams, each counted once, and room comes back", () => {
  const rates = new Rates(createMemoryStorage());
  for (let i = 0; i < 512; i += 8) rates.add(names(8, i));
  rates.add(names(8));
  throws(() => rates.add(["one more"]), { code: "too_many_readers" });
  rates.remove(names(8));
  throws(() => rates.add(["one more"]), { code: "too_many_readers" });
  rates.remove(names(8));
  rates.add(["one more"]);
});

Deno.test("a stream that was made again, or is gone, has no rate, and one that can't be asked isn't asked twice", async () => {
  const storage = createMemoryStorage();
  let asked = 0;
  let isHeld = false;
  const rates = new Rates({
    head: (name) => {
      asked++;
      return isHeld ? new Promise(() => {}) : storage.head(name);
    },
  });
  rates.add(["a"]);
  const pass = async (nowMs: number) => {
    rates.read(nowMs);
    await yieldToEventLoop();
    return rates.of(["a"])["a"];
  };
  deepEqual(await pass(1000), { tail: null, bytesPerS: null });
  await storage.create("a", { contentType: "text/plain", body: new Uint8Array(5) });
  equal((await pass(2000))?.bytesPerS, null);
  await storage.append("a", { contentType: "text/plain", body: new Uint8Array(5) });
  equal((await pass(4000))?.bytesPerS, 3);
  await storage.delete("a");
  await storage.create("a", { contentType: "text/plain", body: new Uint8Array(50) });
  equal((await pass(5000))?.bytesPerS, null);
  equal((await pass(6000))?.bytesPerS, 0);
  isHeld = true;
  asked = 0;
  await pass(7000);
  await pass(8000);
  equal(asked, 1);
});
