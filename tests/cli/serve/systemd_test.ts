import { deepEqual, equal } from "node:assert/strict";
import process from "node:process";
import { serviceOf } from "../../../src/cli/serve/systemd.ts";
import { ManualClock } from "../../support/manual_clock.ts";

function serviceWith(environment: Readonly<Record<string, string>>) {
  const states: string[] = [];
  const clock = new ManualClock();
  const service = serviceOf(environment, (state) => states.push(state), clock);
  return { states, clock, service };
}

Deno.test("the manager is told of the start and of the stop", () => {
  const { states, clock, service } = serviceWith({});
  deepEqual(states, []);
  service.ready("listening on port 1");
  service.stopping();
  deepEqual(states, ["READY=1\nSTATUS=listening on port 1", "STOPPING=1\nSTATUS=stopping"]);
  equal(clock.pendingTimers, 0);
});

Deno.test("the watchdog is told twice within its time, from the start on, also while stopping", () => {
  const { states, clock, service } = serviceWith({ WATCHDOG_USEC: "30000000" });
  clock.advance(60_000);
  deepEqual(states, []);
  service.ready("");
  const pings = () => states.filter((state) => state === "WATCHDOG=1").length;
  equal(pings(), 1);
  clock.advance(14_999);
  equal(pings(), 1);
  clock.advance(1);
  equal(pings(), 2);
  service.stopping();
  clock.advance(15_000);
  equal(pings(), 3);
});

Deno.test("a watchdog of another process, or of no time, is not told", () => {
  for (
    const environment of [
      { WATCHDOG_USEC: "30000000", WATCHDOG_PID: String(process.pid + 1) },
      { WATCHDOG_USEC: "0" },
      { WATCHDOG_USEC: "soon" },
    ]
  ) {
    const { clock, service } = serviceWith(environment);
    service.ready("");
    equal(clock.pendingTimers, 0);
  }
  const own = { WATCHDOG_USEC: "30000000", WATCHDOG_PID: String(process.pid) };
  const { clock, service } = serviceWith(own);
  service.ready("");
  equal(clock.pendingTimers, 1);
});

Deno.test("without a manager's socket nobody is told", () => {
  for (const NOTIFY_SOCKET of [undefined, "", "vsock:2:1234"]) {
    const clock = new ManualClock();
    const service = serviceOf({ NOTIFY_SOCKET, WATCHDOG_USEC: "30000000" }, undefined, clock);
    service.ready("");
    service.stopping();
    equal(clock.pendingTimers, 0);
  }
});
