import type { HttpRequest } from "../../http/handler.ts";
import { RESERVED_SEGMENT } from "../../protocol/stream_name.ts";
import { parseForwarded } from "./forwarded.ts";
import type { ServerConfig } from "../common/options.ts";

/** The beginning of the client's URLs. */
export interface PublicBase {
  /** Scheme, host and port. */
  readonly origin: string;
  /** The prefix that was cut off the path that the app sees: `/api`, or nothing. */
  readonly path: string;
}

/** The URLs as the client knows them: a proxy, or the app that this one is mounted in, may have changed them. */
export class PublicUrls {
  readonly #publicUrl: string | undefined;
  readonly #prefix: string;
  readonly #trustsProxy: boolean;
  readonly #mountPath: string;

  constructor({ trustProxy, mountPath, publicUrl, prefix }: ServerConfig) {
    this.#publicUrl = publicUrl;
    this.#prefix = prefix;
    this.#trustsProxy = trustProxy;
    this.#mountPath = mountPath;
  }

  /** The beginning of the client's URLs. */
  baseOf({ url, headers }: HttpRequest): PublicBase {
    const { protocol, hostname, port, origin } = new URL(url);
    const told = this.#trustsProxy ? parseForwarded(headers) : undefined;
    if (told === undefined) return { origin, path: this.#mountPath };
    const scheme = told.scheme ?? protocol.slice(0, -1);
    const own = port === "" || told.port !== undefined ? hostname : `${hostname}:${port}`;
    const host = told.host ?? own;
    const hasPort = /:[0-9]+$/.test(host);
    const authority = told.port === undefined || hasPort ? host : `${host}:${told.port}`;
    return {
      origin: new URL(`${scheme}://${authority}/`).origin,
      path: `${told.prefix ?? ""}${this.#mountPath}`,
    };
  }

  /**
   * Where the streams are, as the client of a request for something below `__ds/` knows it: without a
   * slash at the end.
   */
  streamsUrl(request: HttpRequest): string {
    if (this.#publicUrl !== undefined) return `${this.#publicUrl}${this.#prefix}`;
    const url = this.of(request);
    return url.slice(0, url.indexOf(`/${RESERVED_SEGMENT}/`));
  }

  /** The request's URL without its query. */
  of(request: HttpRequest): string {
    const { url } = request;
    const query = url.indexOf("?");
    const whole = query < 0 ? url : url.slice(0, query);
    if (!this.#trustsProxy && this.#mountPath === "") return whole;
    const { origin, path } = this.baseOf(request);
    return origin + path + new URL(whole).pathname;
  }
}
