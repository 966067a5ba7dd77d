import { deepEqual, equal } from "node:assert/strict";
import { AccessLog } from "../../../src/server/log/access_log.ts";
import type { RequestEntry } from "../../../src/server/common/request_entry.ts";
import { ManualClock } from "../../support/manual_clock.ts";

const ENTRY: RequestEntry = {
  atMs: Date.UTC(2026, 0, 1),
  id: "r1",
  client: undefined,
  method: "POST",
  path: "/v1/stream/a",
  status: 204,
  bytes: 0,
  ms: 3,
};

class LogKit {
  readonly clock = new ManualClock();
  readonly written: string[] = [];
  hasRoom = true;
  readonly log: AccessLog;

  constructor(format: "text" | "json" = "text", linesPerSecond = 1_000) {
    this.log = new AccessLog({
      format,
      linesPerSecond,
      clock: this.clock,
      write: (lines) => {
        if (this.hasRoom) this.written.push(lines);
        return this.hasRoom;
      },
    });
  }
}

Deno.test("a line of text has when, what, how and who", () => {
  const kit = new LogKit();
  kit.log.observe(ENTRY);
  kit.log.observe({ ...ENTRY, client: "user 1\n" });
  kit.log.flush();
  equal(
    kit.written.join(""),
    "2026-01-01T00:00:00.000Z ACCESS POST /v1/stream/a 204 bytes=0 ms=3 id=r1\n" +
      '2026-01-01T00:00:00.000Z ACCESS POST /v1/stream/a 204 bytes=0 ms=3 id=r1 client="user 1\\n"\n',
  );
});

Deno.test("a line of JSON is one object", () => {
  const kit = new LogKit("json");
  kit.log.observe({ ...ENTRY, client: "u1" });
  kit.log.flush();
  deepEqual(JSON.parse(kit.written.join("")), {
    time: "2026-01-01T00:00:00.000Z",
    id: "r1",
    client: "u1",
    method: "POST",
    path: "/v1/stream/a",
    status: 204,
    bytes: 0,
    ms: 3,
  });
});

Deno.test("lines are gathered and written together", () => {
  const kit = new LogKit();
  for (let i = 0; i < 5; i++) kit.log.observe(ENTRY);
  equal(kit.written.length, 0);
  kit.clock.advance(100);
  equal(kit.written.length, 1);
  equal(kit.written[0]?.split("\n").length, 6);
  equal(kit.clock.pendingTimers, 0);
});

Deno.test("many lines are written before their time", () => {
  const kit = new LogKit("text", 10_000);
  for (let i = 0; i < 2_000; i++) kit.log.observe(ENTRY);
  equal(kit.written.length, 2);
});

Deno.test("beyond the limit of a second requests are counted, and told once it is over", () => {
  const kit = new LogKit("text", 2);
  for (let i = 0; i < 5; i++) kit.log.observe(ENTRY);
  kit.clock.advance(999);
  equal(kit.written.join("").split("\n").length, 3);
  kit.clock.advance(200);
  equal(kit.written.at(-1), "2026-01-01T00:00:00.000Z ACCESS dropped=3\n");
  equal(kit.clock.pendingTimers, 0);
  kit.log.observe(ENTRY);
  kit.log.flush();
  equal(kit.written.length, 3);
});

Deno.test("lines that nobody takes count as dropped", () => {
  const kit = new LogKit("json");
  kit.hasRoom = false;
  kit.log.observe(ENTRY);
  kit.log.observe(ENTRY);
  kit.clock.advance(100);
  kit.hasRoom = true;
  kit.clock.advance(2_000);
  deepEqual(kit.written.map((lines) => JSON.parse(lines)), [
    { time: "2026-01-01T00:00:00.000Z", dropped: 2 },
  ]);
});
