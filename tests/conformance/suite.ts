/// <reference path="./suite_package.d.ts" />
// vitest runs this under Bun, with tests/node_modules beside it; the name keeps `deno test` away.
import process from "node:process";
import { runConformanceTests } from "@durable-streams/server-conformance-tests";

const baseUrl = process.env["CONFORMANCE_URL"];
if (baseUrl === undefined) {
  throw new Error(
    "CONFORMANCE_URL is not set: start this by tests/conformance/run.ts",
  );
}

const token = process.env["CONFORMANCE_TOKEN"];
if (token !== undefined) {
  const { fetch } = globalThis;
  // Where the suite shows a wake's own token, that is what is asked for.
  const withToken = (input: string | URL | Request, init?: RequestInit) => {
    const request = new Request(input, init);
    const isOurs = request.url.startsWith(baseUrl) && !request.headers.has("authorization");
    if (isOurs) request.headers.set("authorization", `Bearer ${token}`);
    return fetch(request);
  };
  globalThis.fetch = Object.assign(withToken, { preconnect: () => {} });
}

runConformanceTests({ baseUrl, subscriptions: true });
