import type { Serving } from "./serving.ts";
import { COMMON_HEADERS, NO_STORE } from "./response.ts";

/** DELETE (PROTOCOL §5.4). */
export async function remove({ names, storage }: Serving, request: Request): Promise<Response> {
  await storage.delete(names.of(request));
  return new Response(null, { status: 204, headers: { ...COMMON_HEADERS, ...NO_STORE } });
}
