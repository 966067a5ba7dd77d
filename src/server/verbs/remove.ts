import type { HttpRequest, HttpResponse } from "../../http/handler.ts";
import type { ServerContext } from "./context.ts";
import { COMMON_HEADERS, NO_STORE } from "../common/common_headers.ts";
import { checkWholeStream } from "../common/snapshot_query.ts";

/** DELETE (PROTOCOL §5.4). */
export async function remove(
  { names, storage }: ServerContext,
  request: HttpRequest,
): Promise<HttpResponse> {
  checkWholeStream(request);
  await storage.delete(names.of(request));
  return { status: 204, headers: { ...COMMON_HEADERS, ...NO_STORE }, body: null };
}
