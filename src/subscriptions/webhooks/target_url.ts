import { isIP } from "node:net";
import { quote, StreamError } from "../../protocol/errors.ts";
import { forbiddenAddress, forbiddenName, isLoopbackAddress } from "./forbidden_addresses.ts";

/** Longer URLs are rejected. */
export const WEBHOOK_URL_LIMIT_CHARS = 2048;

/** Where webhooks may go. */
export interface TargetRules {
  /**
   * Also to `localhost` and 127.0.0.x, by http and https (PROTOCOL §6.2, the exception for
   * development): where the server itself listens on loopback only, or where it is told to.
   */
  readonly allowLoopback: boolean;
}

/** A URL that a webhook may go to. */
export interface WebhookTarget {
  readonly url: URL;
  /** The host without the brackets of an IPv6 address. */
  readonly host: string;
  /** Whether the host is an address, which isn't resolved. */
  readonly isAddress: boolean;
  /** It is this machine, and connects to loopback only; all others connect to public addresses only. */
  readonly isLoopback: boolean;
}

const HTTPS = "Give the https URL of a host on the Internet";
const LOOPBACK_HINT =
  "localhost and 127.0.0.x are accepted only while the server itself listens on loopback, or is " +
  "told to accept them";

/** The exception is for these as the protocol writes them, not for all that is loopback. */
const LOOPBACK_HOST = /^(?:localhost|127\.0\.0\.\d{1,3})$/;

/** Characters that parsers of URLs drop, or don't agree on. */
// deno-lint-ignore no-control-regex
const AMBIGUOUS = /[\u0000-\u0020\u007f\\]/;

/**
 * Reads the URL of a webhook and says whether the server may send requests there (PROTOCOL §6.2,
 * §12.8). Every port but 0 is accepted. What a name resolves to is checked where it is connected to.
 *
 * @throws {StreamError} `webhook_url_rejected`: the message has the URL without its credentials
 */
export function checkWebhookUrl(text: string, rules: TargetRules): WebhookTarget {
  const url = parse(text);
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const isAddress = isIP(host) !== 0;
  const isLoopback = LOOPBACK_HOST.test(host);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLoopback)) {
    throw rejected(text, `uses ${quote(url.protocol.slice(0, -1), 20)}, not https`, HTTPS);
  }
  if (isLoopback && !rules.allowLoopback) {
    throw rejected(text, "names the server's own machine", `${HTTPS}; ${LOOPBACK_HINT}`);
  }
  const problem = isLoopback ? undefined : isAddress ? forbiddenAddress(host) : forbiddenName(host);
  if (problem !== undefined) throw rejected(text, `names ${problem}: ${host}`, HTTPS);
  return { url, host, isAddress, isLoopback };
}

/** Why a connection to an address that the target's name resolved to may not be made, for a sentence. */
export function connectionProblem(target: WebhookTarget, address: string): string | undefined {
  if (!target.isLoopback) return forbiddenAddress(address);
  return isLoopbackAddress(address) ? undefined : "another machine's address";
}

function parse(text: string): URL {
  if (text.length > WEBHOOK_URL_LIMIT_CHARS) {
    const limit = `Give one of at most ${WEBHOOK_URL_LIMIT_CHARS} characters`;
    throw rejected(text, `has ${text.length} characters`, limit);
  }
  if (AMBIGUOUS.test(text)) {
    throw rejected(text, "has a space, a control character or a backslash", "Percent-encode it");
  }
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^[a-z][a-z\d+.-]*:\/\//i.test(text)) {
    throw rejected(text, "isn't an absolute URL", `${HTTPS}, such as https://worker.example/hook`);
  }
  if (url.username !== "" || url.password !== "" || hasUserInfo(text)) {
    const advice = "Leave them out: deliveries are signed, which the receiver verifies";
    throw rejected(text, "has a user name or a password", advice);
  }
  if (text.includes("#")) throw rejected(text, "has a fragment", "Leave out what begins with #");
  if (url.port === "0") throw rejected(text, "has port 0", "Give a port from 1 to 65535");
  return url;
}

/** Also an empty one, which `URL` drops: `https://@host/`. */
function hasUserInfo(text: string): boolean {
  return /^[^/]*\/+[^/?#]*@/.test(text);
}

function rejected(text: string, problem: string, advice: string): StreamError {
  return new StreamError(
    { code: "webhook_url_rejected" },
    `The webhook URL ${quote(redact(text), 200)} ${problem}. ${advice}.`,
  );
}

/** All before the last `@` may be a password, also where the text is no URL. */
function redact(text: string): string {
  return text.replace(/^([a-z][a-z\d+.-]*:)?([/\\]*).*@/is, "$1$2***@");
}
