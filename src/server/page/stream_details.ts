import type { HttpRequest, HttpResponse } from "../../http/handler.ts";
import { StreamError } from "../../protocol/errors.ts";
import { formatOffset } from "../../protocol/offset.ts";
import { describe } from "../../storage/describe.ts";
import type { StreamDescription } from "../../storage/storage.ts";
import { type Asker, requireRight } from "../access/guard.ts";
import { jsonResponse } from "../common/json_response.ts";
import { timeOf } from "../common/json_time.ts";
import type { ServerContext } from "../verbs/context.ts";
import { single } from "./query.ts";
import { countReaders } from "./readers.ts";

/** GET of all that is known of one stream, as JSON (an extension). */
export async function describeOne(
  context: ServerContext,
  request: HttpRequest,
  asker: Asker,
): Promise<HttpResponse> {
  const name = single(new URL(request.url).searchParams, "name");
  if (name === undefined || name === "") {
    throw new StreamError(
      { code: "invalid_query" },
      "The query has no name: expected name= and the stream's name.",
    );
  }
  requireRight(asker, "read", name);
  const stream = await describe(context.storage, name);
  const json = {
    name,
    ...toJson(stream, (other) => asker === undefined || asker.allows("read", other)),
    readers: (await countReaders(context, [stream.id])).get(stream.id) ?? 0,
  };
  return jsonResponse(200, JSON.stringify(json));
}

/** @param isShown whether another stream's name may be said */
function toJson(stream: StreamDescription, isShown: (name: string) => boolean) {
  const { id, space, tail, closed, contentType, lifetime, closedBy, forkedFrom, forks } = stream;
  const at = (position: number) => formatOffset(space, position);
  return {
    id,
    contentType,
    space: at(tail).replace(/_.*$/, ""),
    tail,
    nextOffset: at(tail),
    earliestOffset: stream.earliest > 0 ? at(stream.earliest) : null,
    closed,
    closedBy: closedBy ?? null,
    lastAppendAt: timeOf(stream.lastAppendAtMs),
    lifetime,
    expiresAt: timeOf(stream.expiresAtMs),
    producers: stream.producers,
    producersTotal: stream.producersTotal,
    seq: stream.seq ?? null,
    forkedFrom: forkedFrom === undefined ? null : {
      ...(isShown(forkedFrom.name) ? { name: forkedFrom.name } : {}),
      offset: at(forkedFrom.point),
    },
    forks: forks?.filter(isShown) ?? null,
  };
}
