import { HeadError } from "./head_error.ts";

const PLAIN_CHARACTERS = /^\/[\w\-~!$&()*+,;=:@%/?.]*$/;

/** Makes a request's absolute URL from its target and its `Host`. */
export class RequestUrls {
  #host: string | undefined;
  #origin = "";

  /**
   * As `new URL(…).href` gives it.
   *
   * @throws {HeadError}
   */
  of(target: string, host: string | null): string {
    if (target.startsWith("/")) {
      const origin = this.#originOf(host ?? "localhost");
      return isPlain(target) ? origin + target : normalize(origin + target);
    }
    if (target === "*") return `${this.#originOf(host ?? "localhost")}/*`;
    if (/^https?:\/\//i.test(target)) return normalize(target);
    throw new HeadError(400, "The request's target is not a path.");
  }

  // Nearly all requests have the Host of the one before.
  #originOf(host: string): string {
    if (host === this.#host) return this.#origin;
    const url = URL.canParse(`http://${host}/`) ? new URL(`http://${host}/`) : undefined;
    if (url === undefined || url.pathname !== "/" || url.username !== "" || /[?#@/\\]/.test(host)) {
      throw new HeadError(400, "The Host is not a host and a port.");
    }
    this.#host = host;
    this.#origin = url.origin;
    return this.#origin;
  }
}

/** Whether a path is the same in a URL: no segment stands for another, nothing is to be encoded. */
function isPlain(target: string): boolean {
  return PLAIN_CHARACTERS.test(target) && !target.includes("/.") &&
    !(target.includes("%") && /%2e/i.test(target));
}

function normalize(url: string): string {
  if (!URL.canParse(url)) throw new HeadError(400, "The request's target is not a URL.");
  const parsed = new URL(url);
  parsed.hash = "";
  return parsed.href;
}
