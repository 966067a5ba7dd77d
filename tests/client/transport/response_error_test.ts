import { deepStrictEqual as equal } from "node:assert";
import type { ClientErrorCode } from "../../../src/client/errors/client_error.ts";
import { ClientError } from "../../../src/client/errors/client_error.ts";
import { isTransient, responseError } from "../../../src/client/transport/response_error.ts";
import { encodeUtf8 } from "../../../src/protocol/bytes.ts";
import type { Fields } from "../../support/fixture.ts";

const NOW_MS = Date.UTC(2026, 0, 1);

function refused(status: number, headers: Fields = {}, text = "", sent: Fields = {}): ClientError {
  return responseError(
    {
      method: "POST",
      url: "http://localhost/s",
      headers: sent,
      body: undefined,
      signal: undefined,
      timeoutMs: 1_000,
      streaming: false,
      repeatable: false,
    },
    { status, headers: new Headers(headers), body: encodeUtf8(text), stream: undefined },
    NOW_MS,
  );
}

Deno.test("each status has its code", () => {
  const codes: [number, ClientErrorCode][] = [
    [302, "invalid_response"],
    [400, "bad_request"],
    [401, "unauthenticated"],
    [403, "forbidden"],
    [404, "not_found"],
    [405, "unsupported"],
    [408, "unavailable"],
    [409, "conflict"],
    [410, "gone"],
    [413, "too_large"],
    [425, "unavailable"],
    [429, "rate_limited"],
    [431, "bad_request"],
    [500, "unavailable"],
    [501, "unsupported"],
    [503, "unavailable"],
    [505, "unsupported"],
    [507, "unavailable"],
    [511, "unsupported"],
  ];
  for (const [status, code] of codes) equal([status, refused(status).code], [status, code]);
});

Deno.test("damage is no failure that passes, and has the offset behind it", () => {
  const error = refused(500, { "stream-damaged": "true", "stream-next-offset": "x_7" });
  equal([error.code, error.offset, isTransient(error)], ["damaged", "x_7", false]);
  equal(refused(500, { "stream-damaged": "true" }).offset, undefined);
});

Deno.test("a 403 with Producer-Epoch is a stale epoch", () => {
  const { code, epoch } = refused(403, { "producer-epoch": "7" });
  equal([code, epoch], ["stale_epoch", 7]);
  equal(refused(403, { "producer-epoch": "x" }).epoch, undefined);
});

Deno.test("headers tell the conflicts apart, the closed stream first", () => {
  const closed = refused(409, {
    "stream-closed": "true",
    "stream-next-offset": "7",
    "producer-expected-seq": "3",
  });
  equal([closed.code, closed.offset], ["stream_closed", "7"]);
  const gap = refused(409, { "producer-expected-seq": "3", "producer-received-seq": "5" });
  equal([gap.code, gap.expectedSeq], ["sequence_gap", 3]);
  const sent = { "stream-expected-offset": "5", "stream-seq": "a" };
  const mismatch = refused(409, { "stream-next-offset": "7" }, "", sent);
  equal([mismatch.code, mismatch.offset], ["offset_mismatch", "7"]);
  equal(refused(409, {}, "", { "stream-seq": "a" }).code, "sequence_conflict");
  const order = refused(409, { "stream-next-offset": "5" }, "", sent);
  equal([order.code, order.offset], ["sequence_conflict", "5"]);
  const typed = '{"error":{"code":"content_type_mismatch","message":"m"}}';
  equal(refused(409, { "stream-next-offset": "7" }, typed, sent).code, "conflict");
});

Deno.test("the message is the server's, else its text, else what was asked", () => {
  const told = refused(400, {}, '{"error":{"code":"invalid_header","message":"It is wrong."}}');
  equal([told.message, told.serverCode, told.status], ["It is wrong.", "invalid_header", 400]);
  equal(refused(400, {}, " plain \n").message, "plain");
  equal(refused(400).message, "POST http://localhost/s was answered 400.");
  for (const odd of ["null", "[]", '{"error":null}', '{"error":{"message":7}}']) {
    equal(refused(400, {}, odd).code, "bad_request", odd);
  }
});

Deno.test("a long page of a proxy is cut", () => {
  equal(refused(502, {}, "x".repeat(100_000)).message.length, 1_000);
});

Deno.test("Retry-After is part of it", () => {
  equal(refused(503, { "retry-after": "7" }).retryAfterMs, 7_000);
  equal(refused(503).retryAfterMs, undefined);
});

Deno.test("transient is what may well succeed later", () => {
  const transient = ["network", "timeout", "unavailable", "rate_limited"] as const;
  for (const code of transient) equal(isTransient(new ClientError(code, "m")), true);
  for (const code of ["not_found", "invalid_response", "stale_epoch"] as const) {
    equal(isTransient(new ClientError(code, "m")), false);
  }
  equal(isTransient(new Error("m")), false);
});
