import { getLogger } from "@logtape/logtape";
import type { HeaderFields, HttpRequest } from "../../http/handler.ts";
import { quote, StreamError } from "../../protocol/errors.ts";
import { authorityOf, Hosts } from "./hosts.ts";
import type { StreamNames } from "../urls/stream_names.ts";
import type { ServerConfig } from "../common/options.ts";
import { Origins } from "./origins.ts";
import { ThrottledWarning } from "./throttled_warning.ts";
import { EXPOSED_HEADERS } from "../common/common_headers.ts";

const logger = getLogger(["durable-streams", "server"]);

/** Where all pages may read they may embed, too. */
const EMBEDDABLE: Readonly<HeaderFields> = { "cross-origin-resource-policy": "cross-origin" };

/** The header of a response that differs from page to page, for caches. */
const VARY: Readonly<HeaderFields> = { "vary": "origin" };

/**
 * Decides which web pages may use the server: a request of one that may not is rejected before it has any
 * effect, and so is one by a name that isn't the server's. Clients that are no browsers send neither an
 * `Origin` nor a foreign `Host`, and pass.
 */
export class PageAccess {
  readonly #hosts: Hosts | undefined;
  readonly #origins: Origins;
  /** The headers for every page, where they are the same for all. */
  readonly #common: Readonly<HeaderFields> | undefined = undefined;
  readonly #hostWarning: ThrottledWarning;
  readonly #originWarning: ThrottledWarning;

  constructor({ allowedHosts, cors, clock }: ServerConfig) {
    this.#hosts = allowedHosts === undefined ? undefined : new Hosts(allowedHosts);
    this.#origins = new Origins(cors);
    const { sole, isOpen } = this.#origins;
    if (sole !== undefined) {
      this.#common = isOpen ? { ...corsHeaders(sole), ...EMBEDDABLE } : corsHeaders(sole);
    }
    this.#hostWarning = new ThrottledWarning(logger, clock);
    this.#originWarning = new ThrottledWarning(logger, clock);
  }

  /**
   * Checks where a request comes from; returns the headers that its response gets for that, if any.
   *
   * @throws {StreamError} `host_not_allowed` or `origin_not_allowed`
   */
  check(request: HttpRequest, names: StreamNames): Readonly<HeaderFields> | undefined {
    if (this.#hosts?.allows(request.url) === false) throw this.#hostError(request);
    const origin = request.headers.get("origin");
    if (origin === null) {
      // Browsers leave the Origin out of GET and HEAD only, and no cache keeps the response to a write.
      if (request.method === "POST") return undefined;
      const isForeign = request.headers.get("sec-fetch-site") === "cross-site";
      const isLet = !isForeign || this.#isPublic(request, names) || isLinkToPage(request, names);
      if (!isLet) throw this.#originError(origin);
      return this.#common ?? VARY;
    }
    const isTaken = this.#origins.allows(origin) || isOwnPage(origin, request) ||
      this.#isPublic(request, names);
    if (!isTaken) throw this.#originError(origin);
    return this.#common ?? { ...corsHeaders(origin), ...VARY };
  }

  /**
   * Checks that a request may be told the names of streams: where all pages may use the streams, those only
   * that are named may.
   *
   * @throws {StreamError} `origin_not_allowed`
   */
  checkListing(request: HttpRequest): void {
    const { headers } = request;
    const origin = headers.get("origin");
    const isAllowed = origin === null
      ? headers.get("sec-fetch-site") !== "cross-site"
      : this.#origins.allows(origin) || isOwnPage(origin, request);
    if (!isAllowed) throw this.#originError(origin);
  }

  #isPublic(request: HttpRequest, names: StreamNames): boolean {
    return this.#origins.isOpen && (!names.isControl(request) || names.isLive(request));
  }

  #hostError({ url }: HttpRequest): StreamError {
    const host = authorityOf(url);
    const name = /^[\w.-]+(?=:\d+$|$)/.exec(host)?.[0] ?? "NAME";
    return warned(
      this.#hostWarning,
      new StreamError(
        { code: "host_not_allowed" },
        `The Host ${
          quote(host)
        } is none of this server's names, as of a web page that gives its own ` +
          `name this address: --allow-host ${name} takes it (DURABLE_STREAMS_ALLOW_HOST; createApp has ` +
          "the option allowedHosts).",
      ),
    );
  }

  #originError(origin: string | null): StreamError {
    const { isOpen } = this.#origins;
    const isNamed = origin !== null && Origins.isOrigin(origin);
    const page = isNamed ? `Pages of ${origin}` : "Pages of other sites, and of none,";
    const what = isOpen ? "the listing and the health of this server" : "this server";
    const way = isNamed
      ? `--cors ${isOpen ? "'*'," : ""}${origin} lets them in`
      : isOpen
      ? "--cors lets in those that it names"
      : "--cors '*' lets them in";
    return warned(
      this.#originWarning,
      new StreamError(
        { code: "origin_not_allowed" },
        `${page} may not use ${what}: ${way} (DURABLE_STREAMS_CORS; createApp has the option cors).`,
      ),
    );
  }
}

/** Whether somebody comes to the page by a link on another site: it has no data, and no site can frame it. */
function isLinkToPage(request: HttpRequest, names: StreamNames): boolean {
  const { headers } = request;
  return headers.get("sec-fetch-mode") === "navigate" &&
    headers.get("sec-fetch-dest") === "document" &&
    (names.isUi(request) || names.isWelcome(request));
}

/** Whether a page is the server's own: a proxy may have given the request another `Host`. */
function isOwnPage(origin: string, { headers, url }: HttpRequest): boolean {
  if (headers.get("sec-fetch-site") === "same-origin") return true;
  const [, host] = /^https?:\/\/(.+)$/.exec(origin) ?? [];
  return host === authorityOf(url).toLowerCase();
}

function corsHeaders(origin: string): HeaderFields {
  return {
    "access-control-allow-origin": origin,
    "access-control-expose-headers": EXPOSED_HEADERS,
  };
}

function warned(warning: ThrottledWarning, error: StreamError): StreamError {
  warning.warn(error.message);
  return error;
}
