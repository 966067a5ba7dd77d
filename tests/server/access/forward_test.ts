import { deepEqual, equal } from "node:assert/strict";
import { createControl, createStartingHandler } from "../../../src/server/app.ts";
import { fetchWith } from "../../../src/http/fetch.ts";
import type { ForwardedRequest } from "../../../src/server/common/forwarded_request.ts";
import { createMemoryStorage } from "../../../src/storage/memory.ts";
import type { Fields } from "../../support/fixture.ts";
import { TableAuthority } from "./authority.ts";

const CONTROL = "http://localhost/v1/stream/__ds";

/** Two threads' apps, as `--workers` has them: one that has the socket, one that has the subscriptions. */
function threads(front: TableAuthority, back: TableAuthority) {
  const storage = createMemoryStorage();
  const control = createControl({ storage, authorize: back });
  const forwarded: ForwardedRequest[] = [];
  const options = { subscriptions: false, authorize: front };
  const starting = createStartingHandler(options, () => ({ state: "starting" }), {
    forwardControl: (request) => {
      forwarded.push(request);
      return control.serve(request);
    },
    gatherMetrics: () => Promise.resolve([]),
    onMeasure: () => {},
    gatherReaders: () => Promise.resolve(new Map()),
    onFigures: () => {},
    shareLiveChange: () => Promise.resolve(false),
    onLiveChange: () => {},
  });
  starting.serve(storage);
  const { handler } = starting;
  const send = (method: string, path: string, headers: Fields, json?: unknown) => {
    const body = json === undefined ? null : JSON.stringify(json);
    return fetchWith(handler, new Request(`${CONTROL}/${path}`, { method, headers, body }));
  };
  return { send, forwarded };
}

Deno.test("the thread that has the subscriptions decides by its own authority what was handed on", async () => {
  const [front, back] = [new TableAuthority(), new TableAuthority()];
  const { send, forwarded } = threads(front, back);
  const spec = {
    type: "webhook",
    pattern: "a/*",
    webhook: { url: "https://worker.example/hook" },
  };
  equal((await send("PUT", "subscriptions/s", {}, spec)).status, 401);
  deepEqual(forwarded, [], "nobody's request is handed on");
  const known = front.token("t", ["subscribe **"]);
  equal((await send("PUT", "subscriptions/s", known, spec)).status, 401);
  back.token("t", ["subscribe b/**"]);
  equal((await send("PUT", "subscriptions/s", known, spec)).status, 403);
  back.token("t", ["subscribe a/**"]);
  const made = await send("PUT", "subscriptions/s", known, spec);
  equal(made.status, 201);
  equal(made.headers.get("cache-control"), "private, no-store");
});

Deno.test("what lives by a wake's token or needs none is handed on without credentials", async () => {
  const { send } = threads(new TableAuthority(), new TableAuthority());
  equal((await send("GET", "jwks.json", {})).status, 200);
  const body = { generation: 1, wake_id: "w" };
  const answer = await send("POST", "subscriptions/s/ack", { authorization: "Bearer x" }, body);
  equal(answer.status, 401);
  equal((await answer.json()).error.code, "TOKEN_INVALID");
});
