import { equal, match } from "node:assert/strict";
import { ListenError, urlHost } from "../../src/listen/listen_error.ts";

const ADDRESS = { host: "::1", port: 80 };

const WAYS_OUT: readonly (readonly [code: string, message: RegExp, wrong: string])[] = [
  ["EADDRINUSE", /^\[::1\]:80 is in use: .*choose another port \(0 picks a free one\)$/, "port"],
  ["EADDRNOTAVAIL", /^this machine has no address ::1: choose one that it has$/, "host"],
  ["EACCES", /^this user may not listen on \[::1\]:80: choose a port from 1024 on$/, "port"],
  ["ENOTFOUND", /^the host ::1 has no address: choose another$/, "host"],
];

for (const [code, message, wrong] of WAYS_OUT) {
  Deno.test(`${code} is explained with the address and the way out`, () => {
    const cause = Object.assign(new Error("the system's words"), { code });
    const error = new ListenError(ADDRESS, cause);
    match(error.message, message);
    equal(error.wrong, wrong);
  });
}

Deno.test("other failures keep the system's words", () => {
  equal(new ListenError(ADDRESS, new Error("why")).message, "cannot listen on [::1]:80: why");
});

Deno.test("IPv6 addresses stand in brackets in a URL", () => {
  equal(urlHost("::1"), "[::1]");
  equal(urlHost("127.0.0.1"), "127.0.0.1");
});
