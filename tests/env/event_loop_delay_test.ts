import { equal, ok } from "node:assert/strict";
import { EventLoopDelay } from "../../src/env/event_loop_delay.ts";
import { processUsage } from "../../src/env/process_usage.ts";

Deno.test("a thread that is busy is late, and the delay is told once", () => {
  const delay = new EventLoopDelay();
  equal(delay.take(), 0);
  for (const endMs = performance.now() + 100; performance.now() < endMs;);
  ok(delay.take() >= 70);
  delay.stop();
  equal(delay.take(), 0);
  delay.stop();
});

Deno.test("a process tells what it takes of the machine", () => {
  const { residentBytes, heapUsedBytes, cpuSeconds, openFiles, maxOpenFiles } = processUsage();
  ok(residentBytes > heapUsedBytes && heapUsedBytes > 0 && cpuSeconds > 0);
  if (Deno.build.os === "linux") ok((openFiles ?? 0) > 0 && (maxOpenFiles ?? 0) > 0);
});
