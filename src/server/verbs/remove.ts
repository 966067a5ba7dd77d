import type { Answer, HttpRequest } from "../../http/handler.ts";
import type { Serving } from "../context.ts";
import { COMMON_HEADERS, NO_STORE } from "../common_headers.ts";

/** DELETE (PROTOCOL §5.4). */
export async function remove({ names, storage }: Serving, request: HttpRequest): Promise<Answer> {
  await storage.delete(names.of(request));
  return { status: 204, headers: { ...COMMON_HEADERS, ...NO_STORE }, body: null };
}
