import type { HttpRequest } from "../../http/handler.ts";
import { quote, StreamError } from "../../protocol/errors.ts";
import { LIVE_PATH } from "../../protocol/live_events.ts";
import { parseStreamName, RESERVED_SEGMENT } from "../../protocol/stream_name.ts";
import type { ServerConfig } from "../common/options.ts";
import type { RouteKind } from "../common/request_durations.ts";
import type { PublicBase } from "./public_urls.ts";

/** The rest of the listing's URL after the prefix. */
const LISTING = `${RESERVED_SEGMENT}/streams`;

/** The page's own path. */
const UI = "/ui";

/** Finds the stream that a URL is about. */
export class StreamNames {
  readonly #prefix: string;
  readonly #mountDepth: number;
  /** The prefix of the paths that requests bring here. */
  readonly #mountPath: string;
  readonly #health: string | undefined;
  readonly #metrics: string | undefined;
  readonly #welcome: boolean;
  readonly #extract: ((request: Request) => string | undefined) | undefined;
  /** The beginning of the last stream URL, up to the name: most of a server's URLs share it. */
  #lastBase = "";

  /** @param mountDepth how many segments come before the prefix */
  constructor(config: ServerConfig, mountDepth = 0) {
    this.#mountDepth = mountDepth;
    this.#prefix = `${config.prefix}/`;
    this.#mountPath = config.mountPath;
    this.#health = config.health;
    this.#metrics = config.metrics;
    this.#welcome = config.welcome;
    this.#extract = config.streamName;
  }

  /**
   * The name of the request's stream.
   *
   * @throws {StreamError} `invalid_name`, or `not_found` where the URL is no stream's
   */
  of(request: HttpRequest): string {
    const encoded = this.#extract === undefined
      ? this.#afterPrefix(request.url)
      : this.#extract(request instanceof Request ? request : new Request(request.url));
    if (encoded === undefined) {
      throw this.#noStream(request);
    }
    return parseStreamName(encoded);
  }

  /** Whether a URL is a stream's and surely neither the listing's nor the health's. */
  isStreamUrl({ url }: HttpRequest): boolean {
    const base = this.#lastBase;
    if (base === "" || !url.startsWith(base)) return false;
    // With the prefix / a URL without a name is the welcome's.
    const hasName = url.length > base.length && url[base.length] !== "?";
    return hasName && !url.startsWith(RESERVED_SEGMENT, base.length);
  }

  /**
   * What about the server's health the request asks for: all of it, or only whether it lives, or takes
   * reads and writes.
   */
  healthPart({ url }: HttpRequest): "all" | "live" | "ready" | undefined {
    switch (this.#below(this.#health, url)) {
      case "":
        return "all";
      case "/live":
        return "live";
      case "/ready":
        return "ready";
    }
  }

  /** Whether the request is about the metrics. */
  isMetrics({ url }: HttpRequest): boolean {
    return this.#below(this.#metrics, url) === "";
  }

  /** What follows a path of the server's own in a URL, up to its query; `undefined` in others. */
  #below(path: string | undefined, url: string): string | undefined {
    if (path === undefined || !url.includes(path)) return undefined;
    const pathStart = this.#pathStart(url);
    if (!url.startsWith(path, pathStart)) return undefined;
    const query = url.indexOf("?", pathStart);
    return url.slice(pathStart + path.length, query < 0 ? undefined : query);
  }

  /** Whether the request is about what this server is: it asks for the root, where that tells. */
  isWelcome({ method, url }: HttpRequest): boolean {
    if (!this.#welcome || (method !== "GET" && method !== "HEAD")) return false;
    const end = this.#pathStart(url) + 1;
    return end > 0 && (end === url.length || url[end] === "?");
  }

  /** Whether the request asks for the page by its own path, where that is no stream's. */
  isUi(request: HttpRequest): boolean {
    return this.#underUi(request) === "";
  }

  /** Whether it asks for that path with a slash at its end. */
  isUiFolder(request: HttpRequest): boolean {
    return this.#underUi(request) === "/" && !this.#prefix.startsWith(`${UI}/`);
  }

  #underUi({ method, url }: HttpRequest): string | undefined {
    if (method !== "GET" && method !== "HEAD") return undefined;
    if (this.#extract !== undefined || this.#prefix === "/") return undefined;
    return this.#below(UI, url);
  }

  /** The path below which the app was routed to: `/api`, or nothing. */
  outerPath({ url }: HttpRequest): string {
    const path = url.slice(url.indexOf("/", url.indexOf("//") + 2)).replace(/\?.*$/, "");
    return path.split("/").slice(0, this.#mountDepth + 1).join("/");
  }

  /** Whether the request is about the listing of all streams; never where names aren't paths. */
  isListing({ url }: HttpRequest): boolean {
    return this.#extract === undefined && this.#afterPrefix(url) === LISTING;
  }

  /** Whether the request is about connections that follow many streams: no more than reads of them. */
  isLive(request: HttpRequest): boolean {
    const path = this.controlPath(request);
    return path === LIVE_PATH || path?.startsWith(`${LIVE_PATH}/`) === true;
  }

  /** What follows `__ds/` in a URL, as it stands there; `undefined` in others, and where names aren't paths. */
  controlPath({ url }: HttpRequest): string | undefined {
    const path = this.#extract === undefined ? this.#afterPrefix(url) : undefined;
    return path?.startsWith(`${RESERVED_SEGMENT}/`) === true
      ? path.slice(RESERVED_SEGMENT.length + 1)
      : undefined;
  }

  /** Whether the request is about the server itself: what it is, its health, or what is below `__ds/`. */
  isControl(request: HttpRequest): boolean {
    if (this.isStreamUrl(request)) return false;
    if (this.healthPart(request) !== undefined || this.isMetrics(request)) return true;
    if (this.isWelcome(request) || this.isUi(request)) return true;
    const path = this.#extract === undefined ? this.#afterPrefix(request.url) : undefined;
    return path === RESERVED_SEGMENT || path?.startsWith(`${RESERVED_SEGMENT}/`) === true;
  }

  /** What a request is about, also where it has no such stream. */
  routeOf(request: HttpRequest): RouteKind {
    if (this.isStreamUrl(request)) return "stream";
    if (this.controlPath(request) !== undefined) return "control";
    if (this.isControl(request)) return "other";
    return this.#extract !== undefined || this.#afterPrefix(request.url) !== undefined
      ? "stream"
      : "other";
  }

  /**
   * The name in a `Stream-Forked-From`: a path on this server, or a whole URL of it, as the client knows
   * it or as it comes here.
   *
   * @throws {StreamError} `invalid_fork` or `invalid_name`
   */
  ofSource(value: string, request: HttpRequest, known: PublicBase): string {
    const base = new URL(request.url);
    const url = URL.canParse(value, base) ? new URL(value, base) : undefined;
    if (url === undefined || (url.origin !== base.origin && url.origin !== known.origin)) {
      throw new StreamError(
        { code: "invalid_fork" },
        `Stream-Forked-From ${quote(value)} is not a path on this server.`,
      );
    }
    const path = url.pathname + url.search;
    const isKnown = known.path !== "" && path.startsWith(`${known.path}/`);
    const inner = isKnown
      ? this.#encodedIn(base.origin + path.slice(known.path.length))
      : undefined;
    const encoded = inner ?? this.#encodedIn(base.origin + path);
    if (encoded === undefined) {
      throw new StreamError(
        { code: "invalid_fork" },
        `Stream-Forked-From ${
          quote(value)
        } is not a stream's path: those begin with ${this.#prefix}.`,
      );
    }
    return parseStreamName(encoded);
  }

  #encodedIn(url: string): string | undefined {
    return this.#extract === undefined ? this.#afterPrefix(url) : this.#extract(new Request(url));
  }

  /** The rest of an absolute URL after the prefix; the plural of the prefix means the same. */
  #afterPrefix(url: string): string | undefined {
    const rest = this.#restStart(url);
    if (rest === undefined) return undefined;
    const end = url.indexOf("?", rest);
    return end < 0 ? url.slice(rest) : url.slice(rest, end);
  }

  #restStart(url: string): number | undefined {
    const base = this.#lastBase;
    if (base !== "" && url.startsWith(base)) return base.length;
    const pathStart = this.#pathStart(url);
    if (pathStart < 0) return undefined;
    const rest = this.#prefixEnd(url, pathStart);
    if (rest !== undefined) this.#lastBase = url.slice(0, rest);
    return rest;
  }

  /** Where the paths that the app knows begin in a URL; below 0 where it has none. */
  #pathStart(url: string): number {
    let pathStart = url.indexOf("/", url.indexOf("//") + 2);
    for (let i = 0; i < this.#mountDepth; i++) pathStart = url.indexOf("/", pathStart + 1);
    return pathStart;
  }

  #noStream(request: HttpRequest): StreamError {
    const streams = `${this.#mountPath}${this.outerPath(request)}${this.#prefix}`;
    const where = this.#extract === undefined
      ? `; streams are under ${streams}, such as ${streams}my-stream`
      : "";
    return new StreamError({ code: "not_found" }, `No stream has this URL${where}.`);
  }

  #prefixEnd(url: string, pathStart: number): number | undefined {
    if (url.startsWith(this.#prefix, pathStart)) return pathStart + this.#prefix.length;
    const bare = this.#prefix.slice(0, -1);
    if (bare.endsWith("stream") && url.startsWith(`${bare}s/`, pathStart)) {
      return pathStart + this.#prefix.length + 1;
    }
    return undefined;
  }
}
