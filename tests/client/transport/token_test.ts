import { deepStrictEqual as equal, match, ok } from "node:assert";
import { Client, type ClientOptions } from "../../../src/client/client.ts";
import { ClientError } from "../../../src/client/errors/client_error.ts";
import { withRetry } from "../../../src/client/transport/retry.ts";
import { fetchTransport } from "../../../src/client/transport/transport.ts";
import { settle } from "../../support/fixture.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { drainEventLoop, failed } from "../../support/client/producer_fixture.ts";
import { scripted, type ScriptedResponse } from "../../support/client/scripted_fetch.ts";

function tokenClient(options: ClientOptions, ...answers: ScriptedResponse[]) {
  const { transport, requests } = scripted(...answers);
  const client = new Client("http://localhost/v1/stream", { transport, ...options });
  const shown = () => requests.map(({ headers }) => headers["authorization"]);
  return { client, requests, shown };
}

/** A token function that gives `t1`, `t2` and so on. */
function counting() {
  let asked = 0;
  const token = () => `t${++asked}`;
  return { token, asked: () => asked };
}

const DONE = { status: 204 };
const UNAUTHENTICATED = { status: 401, text: "who are you?" };

Deno.test("a token goes with every request, and a function is asked for it once", async () => {
  const { token, asked } = counting();
  const at = tokenClient({ token }, DONE, DONE);
  await at.client.delete("a");
  await at.client.delete("b");
  equal(at.shown(), ["Bearer t1", "Bearer t1"]);
  equal(asked(), 1);
  const fixed = tokenClient({ token: "secret" }, DONE);
  await fixed.client.delete("a");
  equal(fixed.shown(), ["Bearer secret"]);
});

Deno.test("after a 401 the function is asked anew, and the request is sent once more as it was", async () => {
  const { token } = counting();
  const at = tokenClient({ token }, UNAUTHENTICATED, {
    status: 204,
    headers: { "stream-next-offset": "1" },
  }, DONE);
  // A plain append, which is repeated after nothing else.
  await at.client.writer("a", { contentType: "text/plain" }).send("x");
  await at.client.delete("a");
  equal(at.shown(), ["Bearer t1", "Bearer t2", "Bearer t2"]);
  const bodies = at.requests.slice(0, 2).map(({ init }) => new Response(init.body).text());
  equal(await Promise.all(bodies), ["x", "x"]);
});

Deno.test("a second 401 is the caller's, and the next call asks once more", async () => {
  const { token, asked } = counting();
  const at = tokenClient({ token }, UNAUTHENTICATED, UNAUTHENTICATED, UNAUTHENTICATED, DONE);
  const error = await failed(at.client.delete("a"), "unauthenticated", /who are you/);
  equal([error.status, error.repeated, asked()], [401, false, 2]);
  await at.client.delete("a");
  equal(at.shown(), ["Bearer t1", "Bearer t2", "Bearer t2", "Bearer t3"]);
});

Deno.test("a token that is a text is not sent again after a 401", async () => {
  const at = tokenClient({ token: "t" }, UNAUTHENTICATED);
  await failed(at.client.delete("a"), "unauthenticated");
  equal(at.shown(), ["Bearer t"]);
});

Deno.test("a 403 is never repeated", async () => {
  const { token, asked } = counting();
  const at = tokenClient({ token }, { status: 403 });
  await failed(at.client.delete("a"), "forbidden");
  equal([at.requests.length, asked()], [1, 1]);
});

Deno.test("requests that are refused together ask once, and share the answer", async () => {
  const asked: ((token: string) => void)[] = [];
  const token = () => new Promise<string>((resolve) => asked.push(resolve));
  const at = tokenClient({ token }, ...Array(5).fill(UNAUTHENTICATED), ...Array(5).fill(DONE));
  const calls = Promise.all(["a", "b", "c", "d", "e"].map((name) => at.client.delete(name)));
  await drainEventLoop();
  equal([asked.length, at.requests.length], [1, 0]);
  asked[0]?.("old");
  await drainEventLoop();
  equal([asked.length, at.requests.length], [2, 5]);
  asked[1]?.("new");
  await calls;
  equal([asked.length, at.requests.length], [2, 10]);
  equal(new Set(at.shown().slice(5)), new Set(["Bearer new"]));
});

Deno.test("a refusal that comes late doesn't throw away the token that others have got", async () => {
  const { token, asked } = counting();
  let answerLate = (_: Response) => {};
  const fetch = (url: string, { headers }: RequestInit) => {
    const isNew = new Headers(headers).get("authorization") === "Bearer t2";
    if (!isNew && url.endsWith("/late")) return new Promise<Response>((done) => answerLate = done);
    return new Response(null, { status: isNew ? 204 : 401 });
  };
  const client = new Client("http://localhost/v1/stream", {
    token,
    transport: fetchTransport({ fetch }),
  });
  const late = client.delete("late");
  await client.delete("soon");
  answerLate(new Response(null, { status: 401 }));
  await late;
  equal(asked(), 2);
});

Deno.test("a call's own authorization wins over the token, and its refusal is final", async () => {
  const { token, asked } = counting();
  const at = tokenClient({ token }, UNAUTHENTICATED);
  const headers = { Authorization: "Basic eA==" };
  await failed(at.client.delete("a", { headers }), "unauthenticated");
  equal([at.shown(), asked()], [["Basic eA=="], 0]);
});

Deno.test("a token function that throws ends the call with why, and is asked again by the next", async () => {
  let asked = 0;
  const token = () => {
    if (++asked === 1) throw new Error("signed out");
    return "t";
  };
  const at = tokenClient({ token, transport: withRetry()(scripted(DONE).transport) });
  const error = await failed(
    at.client.delete("a"),
    "unauthenticated",
    /^The token function failed: signed out$/,
  );
  ok(error.cause instanceof Error);
  equal([error.method, error.status], ["DELETE", undefined]);
  await at.client.delete("a");
  equal(asked, 2);
});

Deno.test("what a token function failed with for now is tried again like a request", async () => {
  const clock = new ManualClock();
  let asked = 0;
  const token = () => {
    if (++asked < 3) throw new ClientError("network", "No way to the token.");
    return "t";
  };
  let requests = 0;
  // Without a transport of its own, as most clients are.
  const globalFetch = globalThis.fetch;
  globalThis.fetch = () => {
    requests++;
    return Promise.resolve(new Response(null, { status: 204 }));
  };
  try {
    const client = new Client("http://localhost/v1/stream", { token, clock, random: () => 1 });
    const done = client.delete("a");
    for (let i = 0; i < 5; i++) {
      await settle();
      clock.advance(1_000);
    }
    await done;
  } finally {
    globalThis.fetch = globalFetch;
  }
  equal([asked, requests], [3, 1]);
});

Deno.test("a token function that never ends is given up after the time-out", async () => {
  const clock = new ManualClock();
  const at = tokenClient({ token: () => new Promise<string>(() => {}), clock, timeoutMs: 5_000 });
  const call = failed(
    at.client.delete("a"),
    "unauthenticated",
    /took longer than 5000 ms/,
  );
  await settle();
  clock.advance(5_000);
  await call;
  equal([at.requests.length, clock.pendingTimers], [0, 0]);
});

Deno.test("an aborted call doesn't wait for the token", async () => {
  const controller = new AbortController();
  const at = tokenClient({ token: () => new Promise<string>(() => {}), timeoutMs: Infinity });
  const call = at.client.delete("a", { signal: controller.signal });
  await settle();
  controller.abort(new Error("enough"));
  equal(await call.catch(({ message }: Error) => message), "enough");
});

for (const token of ["a b", "", "line\nbreak", "t\u00f6ken", 7, undefined, null]) {
  Deno.test(`a token that is ${JSON.stringify(token)} is refused, and not shown`, async () => {
    const give: () => string = () => JSON.parse(JSON.stringify(token) ?? "null");
    const at = tokenClient({ token: give });
    const error = await failed(at.client.delete("a"), "invalid_argument", /^The token is /);
    if (typeof token === "string" && token !== "") ok(!error.message.includes(token));
    equal(at.requests.length, 0);
  });
}

Deno.test("a token is in no error", async () => {
  const answers = [UNAUTHENTICATED, { status: 500 }, new TypeError("reset"), { status: 404 }];
  for (const answer of answers) {
    const at = tokenClient({ token: "s3cret", transport: scripted(answer).transport });
    const error = await at.client.head("a").catch((error: unknown) => error);
    ok(error instanceof ClientError);
    const told = JSON.stringify(error) + error.message + error.stack + String(error.cause);
    ok(!told.includes("s3cret"), told);
    match(told, /head|HEAD|401|who/);
  }
});
