import { encodeUtf8 } from "../../protocol/bytes.ts";
import { invalidArgument } from "../errors/invalid_argument.ts";

/** Builds the URLs of streams below a base like `http://localhost:4437/v1/stream`. */
export class StreamUrls {
  readonly #base: URL;
  /** The headers of every request: credentials, if the base URL has them. */
  readonly headers: Readonly<Record<string, string>>;

  /**
   * @param baseUrl the beginning of the streams' URLs; in a browser it may be a path of the page's server
   * @throws {ClientError} `invalid_argument`
   */
  constructor(baseUrl: string | URL) {
    const page = globalThis.location?.href;
    if (!URL.canParse(String(baseUrl), page)) {
      throw invalidArgument("The base URL", baseUrl, "http://localhost:4437/v1/stream or the like");
    }
    this.#base = new URL(baseUrl, page);
    this.#base.hash = "";
    const { username, password } = this.#base;
    // Most `fetch`es reject a URL with credentials, in a message that shows them.
    this.#base.username = "";
    this.#base.password = "";
    this.headers = username + password === ""
      ? {}
      : { authorization: `Basic ${base64(`${decode(username)}:${decode(password)}`)}` };
  }

  /**
   * A stream's URL. The query is in the order of its keys, so that caches recognize the URL
   * (PROTOCOL §10.1).
   *
   * @param path the stream's name, `logs/demo`, not encoded
   * @throws {ClientError} `invalid_argument`
   */
  of(path: string, query: Readonly<Record<string, string | undefined>> = {}): string {
    return this.#url(encodeName(path), query);
  }

  /** The path of a stream's URL, as `Stream-Forked-From` names a source (PROTOCOL §4.2). */
  pathOf(path: string): string {
    return new URL(this.of(path)).pathname;
  }

  /** The URL of the listing, an extension of this project's server. */
  ofListing(query: Readonly<Record<string, string | undefined>>): string {
    return this.#url("__ds/streams", query);
  }

  /** The URL of the subscriptions' listing, an extension of this project's server. */
  ofSubscriptions(query: Readonly<Record<string, string | undefined>>): string {
    return this.#url("__ds/subscriptions", query);
  }

  /**
   * A subscription's URL, or that of what may be done with it (PROTOCOL §6, §7).
   *
   * @param action `claim`, `ack` and the like
   * @param path the stream that it is about
   * @throws {ClientError} `invalid_argument`
   */
  ofSubscription(id: string, action?: string, path?: string): string {
    // URLs resolve dots away, and servers take a slash for the end of the id.
    if (/^\.{0,2}$|\/|\p{Cs}/u.test(id)) {
      throw invalidArgument("The subscription's id", id, "a text without slashes, not . or ..");
    }
    const parts = ["__ds/subscriptions", encodeURIComponent(id)];
    if (action !== undefined) parts.push(action);
    if (path !== undefined) parts.push(encodeName(path));
    return this.#url(parts.join("/"), {});
  }

  /**
   * The URL of connections that follow many streams, or of one of them; an extension of this project's
   * server.
   */
  ofLive(connection?: string): string {
    const id = connection === undefined ? "" : `/${encodeURIComponent(connection)}`;
    return this.#url(`__ds/live${id}`, {});
  }

  /** The URL that a new signing key is asked for at, an extension of this project's server. */
  ofKeyRotation(): string {
    return this.#url("__ds/jwks.json/rotate", {});
  }

  #url(encodedPath: string, query: Readonly<Record<string, string | undefined>>): string {
    const url = new URL(this.#base);
    url.pathname = url.pathname.replace(/\/*$/, `/${encodedPath}`);
    for (const [key, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(key, value);
    }
    url.searchParams.sort();
    return url.href;
  }
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...encodeUtf8(text)));
}

/** A user name may have a percent sign that begins nothing. */
function decode(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}

/** A name's segments, each encoded; one leading slash doesn't count. */
function encodeName(path: string): string {
  const name = path.replace(/^\//, "");
  // URLs resolve dots away, and the request would be about another stream.
  if (/^\/*$|(^|\/)\.\.?(\/|$)|\p{Cs}/u.test(name)) {
    throw invalidArgument("The stream's name", path, "logs/demo or the like, no segment . or ..");
  }
  return encodeURIComponent(name).replaceAll("%2F", "/");
}
