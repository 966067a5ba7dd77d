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

runConformanceTests({ baseUrl, subscriptions: true });
