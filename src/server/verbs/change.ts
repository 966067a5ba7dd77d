import type { HeaderFields, HttpRequest, HttpResponse } from "../../http/handler.ts";
import { quote, StreamError } from "../../protocol/errors.ts";
import {
  STREAM_EARLIEST_OFFSET,
  STREAM_NEXT_OFFSET,
  STREAM_RETENTION,
  STREAM_TRIM_BEFORE,
} from "../../protocol/headers.ts";
import {
  formatOffset,
  type Offset,
  parseOffset,
  spaceAt,
  tokenPosition,
} from "../../protocol/offset.ts";
import { parseRetention } from "../../protocol/retention.ts";
import { parseTime } from "../../protocol/time.ts";
import type { Storage, StreamChange, TrimBeforeTime } from "../../storage/storage.ts";
import { COMMON_HEADERS, NO_STORE } from "../common/common_headers.ts";
import { addPolicyHeaders, checkRetention } from "../common/kept.ts";
import type { ServerContext } from "./context.ts";

/** PATCH: changes what becomes of a stream's older messages, or trims it, or both (an extension). */
export async function change(
  { names, storage }: ServerContext,
  request: HttpRequest,
): Promise<HttpResponse> {
  const name = names.of(request);
  checkRetention(storage);
  const updated = await storage.update(name, await parseChange(storage, name, request));
  const { space, earliest, tail, policies } = updated;
  const headers: HeaderFields = {
    ...COMMON_HEADERS,
    ...NO_STORE,
    [STREAM_NEXT_OFFSET]: formatOffset(space, tail),
    [STREAM_EARLIEST_OFFSET]: formatOffset(space, earliest),
  };
  addPolicyHeaders(headers, policies);
  return { status: 204, headers, body: null };
}

async function parseChange(
  storage: Storage,
  name: string,
  { headers }: HttpRequest,
): Promise<StreamChange> {
  const retention = headers.get(STREAM_RETENTION);
  const before = headers.get(STREAM_TRIM_BEFORE);
  if (retention === null && before === null) {
    throw new StreamError(
      { code: "invalid_header" },
      "A PATCH says what to change: expected Stream-Retention, Stream-Trim-Before, or both.",
    );
  }
  return {
    ...(retention === null ? {} : { retention: retentionOrNone(retention) }),
    ...(before === null ? {} : { trimBefore: await parseTrimBefore(storage, name, before) }),
  };
}

function retentionOrNone(value: string): StreamChange["retention"] {
  return value.trim() === "" ? null : parseRetention(value);
}

async function parseTrimBefore(
  storage: Storage,
  name: string,
  value: string,
): Promise<Offset | TrimBeforeTime> {
  if (value === "-1") return 0;
  if (value === "now") {
    const { space, tail } = await storage.head(name);
    return { space: spaceAt(space, tail), position: tail };
  }
  const beforeMs = parseTime(value);
  if (beforeMs !== undefined) return { beforeMs };
  if (tokenPosition(value) !== undefined) return parseOffset("Stream-Trim-Before", value);
  throw new StreamError(
    { code: "invalid_header" },
    `Stream-Trim-Before ${quote(value)} is neither an offset nor a time: expected a ` +
      "Stream-Next-Offset value of the stream, now for all there is, or RFC 3339 such as " +
      "2030-01-31T12:00:00Z.",
  );
}
