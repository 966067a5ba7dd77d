import type { Rights } from "../../access/rights.ts";
import type { HttpRequest } from "../../http/handler.ts";
import { isTrue, STREAM_CLOSED } from "../../protocol/headers.ts";
import { isAboutSnapshot } from "../common/snapshot_query.ts";
import { requireRight } from "./guard.ts";

/**
 * Checks a request for a stream, but for an append, before anything is looked up. What else it needs the
 * verb checks that reads it: a fork `read` on its source.
 *
 * @throws {StreamError} `forbidden`
 */
export function checkStreamRequest(asker: Rights, request: HttpRequest, name: string): void {
  switch (request.method) {
    case "GET":
    case "HEAD":
      return requireRight(asker, "read", name);
    case "PUT":
      if (isAboutSnapshot(request.url)) return requireRight(asker, "append", name);
      requireRight(asker, "create", name);
      if (closes(request)) requireRight(asker, "close", name);
      return;
    // What is trimmed is deleted.
    case "PATCH":
    case "DELETE":
      return requireRight(asker, "delete", name);
      // Others are none of a stream's.
  }
}

function closes({ headers }: HttpRequest): boolean {
  return isTrue(headers.get(STREAM_CLOSED));
}
