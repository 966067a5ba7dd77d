import { equal } from "node:assert/strict";
import { type Failure, StreamError } from "../../../src/protocol/errors.ts";
import { toResponse } from "../../../src/http/fetch.ts";
import { failureResponse, internalError } from "../../../src/server/common/errors.ts";
import { expectError, type Fields } from "../../support/fixture.ts";

const NOTHING: Fields = {};

/** Every failure with its status and the headers that tell a program more. */
const ANSWERS: readonly (readonly [Failure, number, Fields])[] = [
  [{ code: "invalid_name" }, 400, NOTHING],
  [{ code: "invalid_offset" }, 400, NOTHING],
  [{ code: "offset_past_tail" }, 400, NOTHING],
  [{ code: "invalid_query" }, 400, NOTHING],
  [{ code: "invalid_header" }, 400, NOTHING],
  [{ code: "invalid_json" }, 400, NOTHING],
  [{ code: "invalid_fork" }, 400, NOTHING],
  [{ code: "invalid_subscription", field: "pattern" }, 400, NOTHING],
  [{ code: "webhook_url_rejected" }, 400, NOTHING],
  [{ code: "token_invalid" }, 401, { "www-authenticate": 'Bearer error="invalid_token"' }],
  [{ code: "token_expired" }, 401, { "www-authenticate": 'Bearer error="invalid_token"' }],
  [{ code: "key_rotation_pending" }, 409, NOTHING],
  [{ code: "subscription_not_found" }, 404, NOTHING],
  [{ code: "subscription_exists" }, 409, NOTHING],
  [{ code: "already_claimed", holder: "worker-1", generation: 7 }, 409, NOTHING],
  [{ code: "no_pending_work" }, 409, NOTHING],
  [{ code: "fenced" }, 409, NOTHING],
  [{ code: "invalid_ack", path: "a/b" }, 409, NOTHING],
  [{ code: "too_many_subscriptions" }, 429, NOTHING],
  [{ code: "subscriptions_unsupported" }, 501, NOTHING],
  [{ code: "ordinals_unsupported" }, 501, NOTHING],
  [{ code: "retention_unsupported" }, 501, NOTHING],
  [{ code: "compaction_unsupported" }, 501, NOTHING],
  [
    { code: "offset_trimmed", space: 36, earliest: 5 },
    410,
    { "stream-earliest-offset": "00000010-0000000000000005" },
  ],
  [{ code: "snapshots_unsupported" }, 501, NOTHING],
  [{ code: "snapshot_not_found" }, 404, NOTHING],
  [
    { code: "snapshot_regression", space: 1, position: 5 },
    409,
    { "stream-snapshot-offset": "00000001-0000000000000005" },
  ],
  [{ code: "empty_body" }, 400, NOTHING],
  [{ code: "body_incomplete" }, 400, NOTHING],
  [{ code: "malformed_body" }, 400, { connection: "close" }],
  [{ code: "epoch_start" }, 400, NOTHING],
  [{ code: "stale_epoch", epoch: 7 }, 403, { "producer-epoch": "7" }],
  [{ code: "not_found" }, 404, NOTHING],
  [{ code: "method_not_allowed", allowed: "GET, HEAD" }, 405, { allow: "GET, HEAD" }],
  [{ code: "body_timeout" }, 408, { connection: "close" }],
  [{ code: "stream_exists" }, 409, NOTHING],
  [{ code: "source_deleted" }, 409, NOTHING],
  [{ code: "content_type_mismatch" }, 409, NOTHING],
  [
    { code: "sequence_regression", space: 36, tail: 5 },
    409,
    { "stream-next-offset": "00000010-0000000000000005" },
  ],
  [
    { code: "stream_closed", space: 36, tail: 5 },
    409,
    { "stream-closed": "true", "stream-next-offset": "00000010-0000000000000005" },
  ],
  [
    { code: "stream_closed", space: 36, tail: 5, producer: { epoch: 1, seq: 2 } },
    409,
    { "stream-closed": "true", "producer-epoch": "1", "producer-seq": "2" },
  ],
  [
    { code: "offset_mismatch", space: 36, tail: 5 },
    409,
    { "stream-next-offset": "00000010-0000000000000005" },
  ],
  [
    { code: "sequence_gap", expected: 3, received: 9 },
    409,
    { "producer-expected-seq": "3", "producer-received-seq": "9" },
  ],
  [{ code: "gone" }, 410, NOTHING],
  [{ code: "offset_gone" }, 410, NOTHING],
  [{ code: "body_too_large" }, 413, { connection: "close" }],
  [{ code: "undecodable_body" }, 400, NOTHING],
  [{ code: "unsupported_encoding", accepted: "gzip" }, 415, { "accept-encoding": "gzip" }],
  [{ code: "too_many_producers" }, 429, NOTHING],
  [{ code: "damaged" }, 500, { "stream-damaged": "true" }],
  [
    { code: "damaged", next: { space: 36, position: 5 } },
    500,
    { "stream-damaged": "true", "stream-next-offset": "00000010-0000000000000005" },
  ],
  [{ code: "too_many_bodies" }, 503, { "retry-after": "1", connection: "close" }],
  [{ code: "too_many_readers" }, 503, { "retry-after": "1" }],
  [{ code: "overloaded" }, 503, { "retry-after": "1" }],
  [{ code: "storage_failed" }, 503, { "retry-after": "5" }],
  [{ code: "storage_closed" }, 503, { "retry-after": "5" }],
  [{ code: "storage_unreachable" }, 503, { "retry-after": "1" }],
  [{ code: "storage_full" }, 507, { "retry-after": "5" }],
];

for (const [failure, status, headers] of ANSWERS) {
  Deno.test(`${JSON.stringify(failure)} is answered with ${status}`, async () => {
    const answer = toResponse(failureResponse(new StreamError(failure, "What was wrong.")));
    for (const [name, value] of Object.entries(headers)) equal(answer.headers.get(name), value);
    await expectError(answer, status, failure.code, /^What was wrong\.$/);
  });
}

Deno.test("a defect is answered with 500, and without its message", async () => {
  await expectError(
    toResponse(internalError()),
    500,
    "internal",
    /^The server failed: its log says more\.$/,
  );
});
