import { deepEqual, equal, ok } from "node:assert/strict";
import { DurableStream, stream } from "@durable-streams/client";
import { systemClock } from "../../../src/env/clock.ts";
import { TokenGuard } from "../../support/client/token_guard.ts";
import { until } from "../../support/until.ts";
import { CompatServer } from "../compat_server.ts";
import { COMPAT_TARGETS } from "../targets.ts";

/** The official client as it is, whose header functions bring tokens that expire. */

const HOUR_MS = 3_600_000;

/** A server of the first target behind a guard: what a client sees of tokens is the same with all of them. */
async function withGuarded(
  run: (at: { streamUrl: string; guard: TokenGuard }) => Promise<void>,
): Promise<void> {
  const [target] = COMPAT_TARGETS;
  ok(target !== undefined);
  await using server = await CompatServer.start(await target.command());
  const { origin, pathname } = new URL(server.streamUrl());
  const guard = new TokenGuard({ lifeMs: () => HOUR_MS, clock: () => systemClock });
  const front = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { pathname, search } = new URL(request.url);
    const send = () => fetch(new Request(`${origin}${pathname}${search}`, request));
    return guard.way(send)(request.url, request);
  });
  try {
    await run({ streamUrl: `http://127.0.0.1:${front.addr.port}${pathname}`, guard });
  } finally {
    guard.endAll("revoked");
    await front.shutdown();
  }
}

for (const live of ["long-poll", "sse"] as const) {
  Deno.test({
    name: `live: ${live}: with a header function the official client goes on with a fresh token`,
    timeout: 60_000,
    async fn() {
      await withGuarded(async ({ streamUrl, guard }) => {
        let token = guard.issue();
        const headers = { Authorization: () => `Bearer ${token}` };
        const handle = await DurableStream.create({
          url: streamUrl,
          contentType: "application/json",
          headers,
        });
        await handle.append("0");
        const answer = await stream({ url: handle.url, live, headers });
        const items: unknown[] = [];
        let came = Promise.withResolvers<void>();
        answer.subscribeJson(({ items: more }: { items: readonly unknown[] }) => {
          items.push(...more);
          came.resolve();
        });
        // Not three: after three SSE connections under a second 0.2.7 reads on no more.
        for (let i = 1; i <= 2; i++) {
          await came.promise;
          came = Promise.withResolvers();
          // A request on its way would be refused: an error that nobody can catch, of 0.2.7.
          await until(() => guard.open === 1, () => `${guard.open} live reads`);
          // The function knows the new one before the old one's end is told.
          const old = token;
          token = guard.issue();
          guard.end(old, i % 2 === 0 ? "expired" : "revoked");
          await handle.append(String(i));
        }
        await handle.close();
        await answer.closed;
        deepEqual(items, [0, 1, 2]);
        equal(guard.refused, 0);
        ok(guard.issued === 3);
      });
    },
  });
}
