import { equal } from "node:assert/strict";
import { isLoopback } from "../../src/protocol/loopback.ts";

for (const host of ["127.0.0.1", "127.1.2.3", "::1", "localhost", "LocalHost"]) {
  Deno.test(`${host} is a loopback address`, () => equal(isLoopback(host), true));
}

const OTHERS = [
  "0.0.0.0",
  "::",
  "10.0.0.1",
  "128.0.0.1",
  "127.example.org",
  "127.0.0.1.example.org",
];

for (const host of [...OTHERS, "localhost.example.org", "::ffff:10.0.0.1", ""]) {
  Deno.test(`${JSON.stringify(host)} may be reached from elsewhere`, () => {
    equal(isLoopback(host), false);
  });
}
