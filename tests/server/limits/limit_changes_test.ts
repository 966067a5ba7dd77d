import { deepEqual, equal, throws } from "node:assert/strict";
import type { HttpRequest, HttpResponse } from "../../../src/http/handler.ts";
import { StreamError } from "../../../src/protocol/errors.ts";
import { Counters } from "../../../src/server/common/counters.ts";
import {
  ClientLimits,
  type ClientLimitsOptions,
} from "../../../src/server/limits/client_limits.ts";
import { FailedTokens } from "../../../src/server/limits/failed_tokens.ts";
import { TokenRate } from "../../../src/server/limits/token_rate.ts";
import { ManualClock } from "../../support/manual_clock.ts";

/** Limits that change, and what one client gets by them. */
class ChangeKit {
  readonly clock = new ManualClock();
  readonly limits: ClientLimits;

  constructor(options: Partial<ClientLimitsOptions>) {
    this.limits = new ClientLimits({
      limits: {},
      trustProxy: false,
      ...options,
      clock: this.clock,
      counters: new Counters(),
      maxAppendBytes: 1000,
    });
  }

  change(options: Partial<ClientLimitsOptions>): void {
    this.limits.prepare({ limits: {}, trustProxy: false, ...options })();
  }

  /** How many requests are let in until one isn't, of at most 100; answered with so many bytes. */
  admitted(bytes = 0, from: Partial<HttpRequest> = {}): number {
    for (let count = 0; count < 100; count++) {
      let status = 200;
      this.limits.admit(
        { ...REQUEST, ...from },
        undefined,
        (response) => status = response.status,
        (respond) => respond({ status: 200, headers: {}, body: "x".repeat(bytes) }),
        rejected,
      );
      if (status !== 200) return count;
    }
    return 100;
  }
}

const rejected = (): HttpResponse => ({ status: 429, headers: {}, body: null });

const REQUEST: HttpRequest = {
  method: "GET",
  url: "http://localhost/v1/stream/a",
  headers: new Headers(),
  body: null,
  signal: new AbortController().signal,
  peerAddress: () => "192.0.2.1",
};

Deno.test("what a client has spent stays spent when its limit changes, or is off for a while", () => {
  const kit = new ChangeKit({ limits: { requests: { perSecond: 1, burst: 10 } } });
  equal(kit.admitted(), 10);
  const slow = { requests: { perSecond: 0.5, burst: 10 } };
  kit.change({ limits: slow });
  equal(kit.admitted(), 0);
  kit.clock.advance(4_000);
  equal(kit.admitted(), 2);
  kit.change({ limits: { requests: { perSecond: 1, burst: 13 } } });
  equal(kit.admitted(), 3);
  kit.change({});
  equal(kit.admitted(), 100);
  kit.change({ limits: slow });
  equal(kit.admitted(), 0);
  // A smaller burst is a smaller bucket: empty, and no debt.
  kit.change({ limits: { requests: { perSecond: 1, burst: 2 } } });
  kit.clock.advance(1_000);
  equal(kit.admitted(), 1);
});

Deno.test("bytes that are owed are owed at the new rate", () => {
  const kit = new ChangeKit({ limits: { bytes: { perSecond: 100 } } });
  equal(kit.admitted(1100), 1);
  kit.change({ limits: { bytes: { perSecond: 1000 } } });
  equal(kit.admitted(1), 0);
  kit.clock.advance(1_100);
  equal(kit.admitted(1), 100);
});

Deno.test("a limit that is new holds for those who are there", () => {
  const kit = new ChangeKit({ limits: { readers: 100 } });
  const live = { url: "http://localhost/v1/stream/a?live=long-poll" };
  const waiting: (() => void)[] = [];
  for (let i = 0; i < 3; i++) {
    kit.limits.admit({ ...REQUEST, ...live }, undefined, () => {}, (respond) => {
      waiting.push(() => respond({ status: 204, headers: {}, body: null }));
    }, rejected);
  }
  kit.change({ limits: { readers: 3 } });
  equal(kit.admitted(0, live), 0);
  kit.change({ limits: { requests: { perSecond: 1000 } } });
  kit.change({ limits: { readers: 3 } });
  equal(kit.admitted(0, live), 0);
  for (const answer of waiting) answer();
  equal(kit.admitted(0, live), 100);
});

Deno.test("clients are told apart by what the proxies of now say, and faulty ones change nothing", () => {
  const limits = { requests: { perSecond: 1 } };
  const kit = new ChangeKit({ limits });
  const peer = { peerAddress: "192.0.2.1" };
  const behind = (address: string) => ({
    peer,
    headers: new Headers({ "x-forwarded-for": address }),
  });
  equal(kit.admitted(0, behind("198.51.100.1")), 1);
  equal(kit.admitted(0, behind("198.51.100.2")), 0);
  kit.change({ limits, trustProxy: true, trustedProxies: "192.0.2.0/24" });
  equal(kit.admitted(0, behind("198.51.100.2")), 1);
  equal(kit.admitted(0, behind("198.51.100.3")), 1);
  throws(() => kit.change({ limits, trustProxy: true, trustedProxies: "nonsense" }), RangeError);
  equal(kit.admitted(0, behind("198.51.100.4")), 1);
  kit.change({ limits });
  equal(kit.admitted(0, behind("198.51.100.5")), 0);
});

Deno.test("a bucket in the past is full, whatever its rate", () => {
  const [slow, fast] = [new TokenRate({ perSecond: 1 }), new TokenRate({ perSecond: 1000 })];
  equal(slow.convert(-5, 10, fast), 10);
  equal(fast.waitMs(slow.convert(0, 0, fast), 0), 0);
});

Deno.test("tokens that have failed stay so when their limit changes", async () => {
  const clock = new ManualClock();
  const parts = { clock, counters: new Counters(), trustProxy: false };
  const tokens = new FailedTokens({ ...parts, failedTokens: { perSecond: 1, burst: 3 } });
  const fail = () =>
    tokens.verify(
      REQUEST,
      () => Promise.reject(new StreamError({ code: "token_invalid" }, "The token isn't valid.")),
    );
  const codes = async (count: number) => {
    const found: string[] = [];
    for (let i = 0; i < count; i++) {
      found.push(await fail().catch((error: StreamError) => error.code));
    }
    return found;
  };
  deepEqual(await codes(4), [
    "token_invalid",
    "token_invalid",
    "token_invalid",
    "too_many_requests",
  ]);
  tokens.prepare({ trustProxy: false, failedTokens: { perSecond: 0.1, burst: 4 } })();
  deepEqual(await codes(2), ["token_invalid", "too_many_requests"]);
  clock.advance(10_000);
  deepEqual(await codes(2), ["token_invalid", "too_many_requests"]);
});
