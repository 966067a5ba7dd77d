/// <reference path="./reference_package.d.ts" />
/** Starts the reference server (on Node): `reference.mjs [DIRECTORY]`, in memory without one. */
import process from "node:process";
import { DurableStreamTestServer } from "@durable-streams/server";

const dataDir = process.argv[2];
const server = new DurableStreamTestServer({
  host: "127.0.0.1",
  port: 0,
  ...(dataDir === undefined ? {} : { dataDir }),
});
await server.start();
console.log(`listening on ${server.url}/v1/stream`);
