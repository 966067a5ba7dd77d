import { createHash } from "node:crypto";
import zlib from "node:zlib";
import type { HeaderFields, HttpRequest, HttpResponse } from "../../http/handler.ts";
import { prefersGzip } from "../../protocol/accept_encoding.ts";
import { type Bytes, encodeUtf8 } from "../../protocol/bytes.ts";
import { StreamError } from "../../protocol/errors.ts";
import { COMMON_HEADERS, NO_CACHE, NO_STORE } from "../common/common_headers.ts";
import type { ServerConfig } from "../common/options.ts";
import type { ServerContext } from "../verbs/context.ts";
import { wantsHtml } from "../verbs/welcome.ts";
import { PAGE_CONFIG_MARK, PAGE_HTML, PAGE_SCRIPT_HASHES, PAGE_STYLE_HASH } from "./document.ts";

/**
 * Only the page's own scripts and style run, and it reaches nobody but this server. What is stored can become
 * an image, a sound or a framed preview by a `blob:` URL, and no markup.
 */
const POLICY = [
  "default-src 'none'",
  `script-src ${PAGE_SCRIPT_HASHES.map((hash) => `'${hash}'`).join(" ")}`,
  `style-src '${PAGE_STYLE_HASH}'`,
  "connect-src 'self'",
  "img-src blob: data:",
  "media-src blob:",
  "frame-src blob:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

const HEADERS: Readonly<HeaderFields> = {
  ...COMMON_HEADERS,
  ...NO_CACHE,
  "content-security-policy": POLICY,
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "vary": "accept, accept-encoding",
};

/** For who writes a slash too many: the page's own URLs are relative. */
const TO_PAGE: HttpResponse = {
  status: 307,
  headers: { ...COMMON_HEADERS, ...NO_STORE, "location": "../ui" },
  body: null,
};

/** The page as one app serves it. */
interface PageDocument {
  readonly html: Bytes;
  readonly gzipped: Bytes;
  readonly etag: string;
}

/** Made when it is first asked for. */
const documents = new WeakMap<ServerConfig, PageDocument>();

/**
 * What to respond where a request asks for the page: at `/ui`, and at `/` where it wants HTML. `undefined`
 * for all others. It has no data, and needs neither a token nor a storage.
 *
 * @throws {StreamError} `not_found` where the page is off
 */
export function respondWithPage(
  { config, names }: ServerContext,
  request: HttpRequest,
): HttpResponse | undefined {
  if (config.page && names.isUiFolder(request)) return TO_PAGE;
  const isUi = names.isUi(request);
  if (!isUi && !(config.page && names.isWelcome(request))) return undefined;
  if (!isUi && !wantsHtml(request.headers.get("accept"))) return undefined;
  if (!config.page) throw pageIsOff();
  return serveDocument(documentOf(config), request);
}

/** The error where the page is off. */
export function pageIsOff(): StreamError {
  return new StreamError(
    { code: "not_found" },
    "This server doesn't show its page: start it with --page, or DURABLE_STREAMS_PAGE=true (createApp and " +
      "serve have the option page). It is shown by itself where --host is a loopback address, or where " +
      "tokens say who may do what.",
  );
}

function serveDocument(document: PageDocument, request: HttpRequest): HttpResponse {
  const { etag, html, gzipped } = document;
  const { headers } = request;
  const tagged = { ...HEADERS, "etag": etag };
  const known = headers.get("if-none-match")?.split(",").map((tag) => tag.trim()) ?? [];
  if (known.includes(etag) || known.includes("*")) {
    return { status: 304, headers: tagged, body: null };
  }
  const isGzip = prefersGzip(headers.get("accept-encoding") ?? "");
  const body = isGzip ? gzipped : html;
  return {
    status: 200,
    headers: {
      ...tagged,
      "content-type": "text/html; charset=utf-8",
      ...(isGzip ? { "content-encoding": "gzip" } : {}),
    },
    body: request.method === "HEAD" ? null : body,
  };
}

function documentOf(config: ServerConfig): PageDocument {
  const known = documents.get(config);
  if (known !== undefined) return known;
  const html = encodeUtf8(PAGE_HTML.replace(PAGE_CONFIG_MARK, () => configJson(config)));
  const hash = createHash("sha256").update(html).digest("base64url").slice(0, 22);
  const gzipped = new Uint8Array(zlib.gzipSync(html, { level: 9 }));
  // Weak: the same page compressed has it, too.
  const document = { html, gzipped, etag: `W/"${hash}"` };
  documents.set(config, document);
  return document;
}

/** What the page has to know before it asks anything, as text that ends no script element. */
function configJson({ prefix, version, authority }: ServerConfig): string {
  const json = { prefix, base: "./", version: version ?? "", access: authority !== undefined };
  return JSON.stringify(json).replaceAll("<", "\\u003c");
}
