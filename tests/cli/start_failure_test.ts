import { equal, match } from "node:assert/strict";
import { startFailure, urlHost } from "../../src/cli/start_failure.ts";

const ADDRESS = { host: "::1", port: 80 };

function failure(code: string): string {
  return startFailure(Object.assign(new Error("system's words"), { code }), ADDRESS);
}

Deno.test("a port in use is said with the address and the way out", () => {
  match(failure("EADDRINUSE"), /^\[::1\]:80 is in use: .*--port \(0 picks a free one\)$/);
});

Deno.test("an address that the machine doesn't have is said with the way out", () => {
  match(failure("EADDRNOTAVAIL"), /^this machine has no address ::1: choose one with --host$/);
});

Deno.test("other failures keep their message, in one line", () => {
  equal(startFailure(new Error("first\n  second"), ADDRESS), "first second");
  equal(startFailure("text", ADDRESS), "text");
});

Deno.test("IPv6 addresses stand in brackets in a URL", () => {
  equal(urlHost("::1"), "[::1]");
  equal(urlHost("127.0.0.1"), "127.0.0.1");
});
