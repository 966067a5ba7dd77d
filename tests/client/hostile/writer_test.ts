import { deepStrictEqual as equal, ok } from "node:assert";
import { ClientError } from "../../../src/client/errors/client_error.ts";
import { tokenPosition } from "../../../src/protocol/offset.ts";
import { withRetry } from "../../../src/client/transport/retry.ts";
import { fetchTransport } from "../../../src/client/transport/transport.ts";
import { randomFaults } from "../../support/hostile_proxy/random_faults.ts";
import type { ClientOptions } from "../../../src/client/client.ts";
import { atSite, FIRST_SEED, RUNS } from "./hostile_kit.ts";

const PATH = "log";
const APPENDS = 60;

/**
 * Runs a test with a transport that makes a connection for each request: Deno's `fetch`, as a browser's,
 * sends a request without a body again by itself where a connection that was used before breaks, so that
 * a DELETE may find nothing left.
 */
async function withoutReuse(test: (client: ClientOptions) => Promise<void>): Promise<void> {
  using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  const transport = fetchTransport({ fetch: (url, init) => fetch(url, { ...init, client }) });
  await test({ transport: withRetry({ random: () => 0.01 })(transport) });
}

for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed++) {
  Deno.test(`a writer's append reaches the server at most once, and is stored if it says so (seed ${seed})`, async () => {
    const faults = randomFaults(seed, {
      // What the proxy doubles isn't the client's doing.
      weights: { duplicate: 0, refuse: 3, "drop-answer": 3, "status-after": 3, status: 3 },
      maxPerKey: Infinity,
      maxConsecutive: Infinity,
      keyOf: ({ method }) => method,
    });
    await faults.run(() =>
      atSite({ decide: faults.decide }, async ({ client, direct, proxy }) => {
        await client.create(PATH, { contentType: "application/json" });
        const writer = client.writer(PATH, { contentType: "application/json" });
        const outcomes: (string | undefined)[] = [];
        for (let i = 0; i < APPENDS; i++) {
          outcomes.push(await writer.sendJson(i).then(() => undefined, codeOf));
        }
        const stored: number[] = [];
        for await (const value of direct.reader(PATH, { readMode: "catch-up" }).json<number>()) {
          stored.push(value);
        }
        // In order and none twice; what was acknowledged is there.
        equal(stored, [...new Set(stored)].toSorted((a, b) => a - b));
        outcomes.forEach((outcome, i) => ok(outcome !== undefined || stored.includes(i), `${i}`));
        // Only what a 429 refused unread was sent again.
        const sent = proxy.exchanges.filter(({ method }) => method === "POST");
        const limited = sent.filter(({ fault }) =>
          fault?.kind === "status" && fault.status === 429
        );
        equal(
          sent.length - limited.length,
          APPENDS - outcomes.filter((c) => c === "rate_limited").length,
        );
      })
    );
  });

  Deno.test(`create, close and delete are done, however often they are repeated (seed ${seed})`, async () => {
    const faults = randomFaults(seed, {
      weights: { duplicate: 0, "drop-answer": 4, refuse: 2, "status-after": 2 },
      maxPerKey: Infinity,
    });
    await faults.run(() =>
      withoutReuse((options) =>
        atSite({ decide: faults.decide, client: options }, async ({ client, direct }) => {
          for (let i = 0; i < 10; i++) {
            const path = `${PATH}/${i}`;
            const initialData = "x";
            await client.create(path, { contentType: "text/plain", ttlSeconds: 900, initialData });
            await client.create(path, { contentType: "text/plain", ttlSeconds: 900, initialData });
            equal(await client.writer(path).close().then(({ closed }) => closed), true);
            equal((await client.close(path)).closed, true);
            equal(tokenPosition((await direct.head(path)).nextOffset), 1);
            await client.delete(path);
            equal(await direct.head(path).then(() => undefined, codeOf), "not_found");
          }
        })
      )
    );
  });
}

function codeOf(error: unknown): string {
  ok(error instanceof ClientError, `${error}`);
  return error.code;
}
