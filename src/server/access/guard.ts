import type { Authority, Permit, Verifying } from "../../access/permit.ts";
import { Rights } from "../../access/rights.ts";
import type { Verb } from "../../access/verb.ts";
import type { Clock } from "../../env/clock.ts";
import type { HttpRequest, Respond } from "../../http/handler.ts";
import { standFor } from "../../http/stand_in.ts";
import { quote, StreamError } from "../../protocol/errors.ts";
import { parsePattern, type Pattern } from "../../protocol/name_pattern.ts";
import { AUTHORIZED, AUTHORIZED_EVENTS, NO_CACHE } from "../common/common_headers.ts";

/** The rights of a request that needs no credentials: whatever else it turns out to be is rejected. */
export const NOBODY: Rights = Rights.of({ subject: "", grants: [] });

const EVERYTHING = parsePattern("**");

/**
 * Who sends a request, by what the authority makes of its credentials. At once where the authority knows at
 * once: a promise would cost an append a microsecond.
 *
 * @param verifying limits how many tokens fail
 * @throws {StreamError} `unauthenticated`, `token_invalid`, `token_expired`, `too_many_requests`
 */
export function authenticate(
  authority: Authority,
  request: HttpRequest,
  clock: Clock,
  verifying?: Verifying,
): Rights | Promise<Rights> {
  const permit = authority.authorize(request, verifying);
  return permit instanceof Promise
    ? permit.then((permit) => rightsOf(permit, clock))
    : rightsOf(permit, clock);
}

function rightsOf(permit: Permit | undefined, clock: Clock): Rights {
  if (permit === undefined) throw unauthenticated();
  if (hasEnded(permit, clock)) {
    throw new StreamError(
      { code: "token_expired" },
      "The credentials have expired, or were revoked: send new ones.",
    );
  }
  return Rights.of(permit);
}

/**
 * Whether a permit allows nothing any more: an authority may hand out one that it has kept. One whose end is
 * no number, as of a token without an `exp`, has ended.
 */
export function hasEnded({ expiresAtMs, signal }: Permit, clock: Clock): boolean {
  return signal?.aborted === true || (expiresAtMs !== undefined && !(clock.nowMs() < expiresAtMs));
}

/**
 * A request as it may be served later: its body is lent to a handler only until that returns, so that
 * whoever waits first needs a copy.
 */
export function keepBody(request: HttpRequest): HttpRequest {
  const { whole } = request;
  return whole === undefined ? request : new KeptRequest(request, whole.slice());
}

class KeptRequest implements HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: HttpRequest["headers"];
  readonly body: HttpRequest["body"];
  readonly whole: HttpRequest["whole"];
  readonly fileBody: NonNullable<HttpRequest["fileBody"]>;
  readonly peer?: NonNullable<HttpRequest["peer"]>;
  readonly #request: HttpRequest;

  constructor(request: HttpRequest, whole: HttpRequest["whole"]) {
    this.method = request.method;
    this.url = request.url;
    this.headers = request.headers;
    this.body = request.body;
    this.whole = whole;
    this.fileBody = request.fileBody ?? "blob";
    if (request.peer !== undefined) this.peer = request.peer;
    this.#request = request;
    standFor(this, request);
  }

  peerAddress(): string | undefined {
    return this.#request.peerAddress?.();
  }

  get signal(): HttpRequest["signal"] {
    return this.#request.signal;
  }
}

/** Whether some right is needed and whose: without an authority, nobody's. */
export type Asker = Rights | undefined;

/** @throws {StreamError} `forbidden`, whether there is such a stream or not */
export function requireRight(asker: Asker, verb: Verb, name: string): void {
  if (asker === undefined || asker.allows(verb, name)) return;
  throw missing(asker, `${verb} for the stream ${quote(name)}`);
}

/** @throws {StreamError} `forbidden` where not all names of a pattern are granted */
export function requireRightOver(asker: Asker, verb: Verb, pattern: Pattern): void {
  if (asker === undefined || asker.covers(verb, pattern)) return;
  throw missing(asker, `${verb} for all of ${quote(pattern.text)}`);
}

/** @throws {StreamError} `forbidden` where no grant has the verb */
export function requireAny(asker: Asker, verb: Verb): void {
  if (asker === undefined || asker.hasAny(verb)) return;
  throw missing(asker, verb);
}

/**
 * For what is about the server itself: its health with all details, its metrics, its keys.
 *
 * @throws {StreamError} `forbidden` without `admin` over `**`
 */
export function requireAdmin(asker: Asker): void {
  requireRightOver(asker, "admin", EVERYTHING);
}

/** Whether everything there is may be seen, by a verb: a missing name is no secret then. */
export function seesEverything(asker: Asker, verb: Verb): boolean {
  return asker === undefined || asker.covers(verb, EVERYTHING);
}

/** The error where rights are missing: 401 for who showed none, else 403. */
export function missing(asker: Rights, what: string): StreamError {
  if (asker === NOBODY) return unauthenticated();
  return new StreamError(
    { code: "forbidden" },
    `This request needs ${what}, and its credentials don't grant that.`,
  );
}

/** What was authorized is for nobody else: no cache may keep it. */
export function privately(asker: Asker, respond: Respond): Respond {
  if (asker === undefined || asker === NOBODY) return respond;
  return (response) => {
    const isEvents = response.headers["cache-control"] === NO_CACHE["cache-control"];
    const authorized = isEvents ? { ...AUTHORIZED, ...AUTHORIZED_EVENTS } : AUTHORIZED;
    respond({ ...response, headers: { ...response.headers, ...authorized } });
  };
}

function unauthenticated(): StreamError {
  return new StreamError(
    { code: "unauthenticated" },
    "This request needs credentials: send a token as Authorization: Bearer TOKEN.",
  );
}
