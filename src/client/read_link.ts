import { Client, type ClientOptions } from "./client.ts";
import { invalidArgument } from "./errors/invalid_argument.ts";
import { redactedUrl } from "./errors/redacted_url.ts";
import type { Reader } from "./reader/reader.ts";
import type { ReaderOptions } from "./reader/options.ts";

/**
 * Reads the stream of a signed link, an extension of this project's server: of any stream's URL, whose query
 * goes along with every request. Nothing of the query is in an error.
 *
 * @param link the whole URL, as whoever signed it gave it
 * @throws {ClientError} `invalid_argument`
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { createApp } from "../server/app.ts";
 * import { createMemoryStorage } from "../storage/memory.ts";
 * import { Client } from "./client.ts";
 * import { readLink } from "./read_link.ts";
 * import { fetchTransport } from "./transport/transport.ts";
 *
 * const app = createApp({ storage: createMemoryStorage() });
 * const transport = fetchTransport({ fetch: (url, init) => app.request(url, init) });
 * const client = new Client("http://localhost/v1/stream", { transport });
 * await client.create("film/1", { contentType: "text/plain", initialData: "take one" });
 *
 * const link = "http://localhost/v1/stream/film/1?ds-exp=1893456000&ds-sig=c2lnbmF0dXJl";
 * assert.equal(await readLink(link, { transport }).allText(), "take one");
 * ```
 */
export function readLink(
  link: string | URL,
  options: ClientOptions & ReaderOptions = {},
): Reader {
  const page = globalThis.location?.href;
  const expected = "a stream's URL, http://localhost:4437/v1/stream/logs/demo or the like";
  if (!URL.canParse(String(link), page)) throw invalidArgument("The link", "no URL", expected);
  const base = new URL(link, page);
  let name: string;
  try {
    name = decodeURIComponent(base.pathname);
  } catch {
    throw invalidArgument("The link", redactedUrl(base.href), expected);
  }
  base.pathname = "";
  for (const own of ["offset", "live", "cursor"]) base.searchParams.delete(own);
  const { headers: _headers, query: _query, ...reading } = options;
  return new Client(base, options).reader(name, reading);
}
