import type { HttpRequest, HttpResponse } from "../../http/handler.ts";
import { quote, StreamError } from "../../protocol/errors.ts";
import { CONTROL } from "../../protocol/stream_name.ts";
import { yieldToEventLoop } from "../../storage/yield_to_event_loop.ts";
import type { LinkPage, SubscriptionInfo } from "../../storage/subscription_store.ts";
import type { SubscriptionService } from "../../subscriptions/service.ts";
import { wakeStreamsJson } from "../../subscriptions/wake_body.ts";
import { JWKS_MAX_AGE_SECONDS } from "../../subscriptions/webhooks/signing_keys.ts";
import {
  type Asker,
  requireAdmin,
  requireAny,
  requireRight,
  seesEverything,
} from "../access/guard.ts";
import { checkNewSubscription, mayUse, notTheirs } from "../access/subscription_rights.ts";
import { COMMON_HEADERS, NO_STORE } from "../common/common_headers.ts";
import { jsonResponse } from "../common/json_response.ts";
import type { ServerContext } from "../verbs/context.ts";
import { controlErrorResponse } from "./error_response.ts";
import { LinksBody, linksJson } from "./links_body.ts";
import { invalidField, JsonBody } from "./json_body.ts";
import { parsePath, parsePaths, parseSpec } from "./spec_body.ts";
import { subscriptionJson } from "./subscription_json.ts";
import { parseAcks, parseCredentials, parseWorker } from "./wake_requests.ts";

const NAME_LIMIT_CHARS = 256;
const PAGE_LIMIT = 100;

/** A request about subscriptions, what serves it, and who sends it. */
interface ControlRequest {
  readonly asker: Asker;
  readonly context: ServerContext;
  readonly service: SubscriptionService;
  readonly request: HttpRequest;
}

type Action = (control: ControlRequest, name: string, rest: string) => Promise<HttpResponse>;

/** What may be asked of a subscription, by the segment behind its name and the method. */
const ACTIONS: Readonly<Record<string, Readonly<Record<string, Action>>>> = {
  "": { PUT: create, GET: get, DELETE: remove },
  streams: { POST: link, DELETE: unlink },
  claim: { POST: claim },
  ack: { POST: (control, name) => ack(control, name, "claim") },
  callback: { POST: (control, name) => ack(control, name, "callback") },
  release: { POST: release },
  retry: { POST: retry },
};

/** The actions whose token is that of a wake. */
const WAKE_TOKEN_ACTIONS: ReadonlySet<string> = new Set(["ack", "callback", "release"]);

/**
 * Serves what is below `__ds/` and about subscriptions (PROTOCOL §6, §7).
 *
 * @param path what follows `__ds/`, as it stands in the URL
 */
export async function control(
  context: ServerContext,
  request: HttpRequest,
  path: string,
  asker?: Asker,
): Promise<HttpResponse> {
  try {
    const service = await context.subscriptions?.();
    if (service === undefined) throw unsupported();
    return await dispatch({ context, service, request, asker }, path);
  } catch (error) {
    return controlErrorResponse(context.counters, error, request);
  }
}

/** Whether what follows `__ds/` is about subscriptions. */
export function isAboutSubscriptions(path: string): boolean {
  return path === "jwks.json" || path === "jwks.json/rotate" || path === "subscriptions" ||
    path.startsWith("subscriptions/");
}

/** Whether a request needs no credentials but a wake's token, or asks for public keys. */
export function livesByWakeToken(path: string, method: string): boolean {
  if (path === "jwks.json") return true;
  const [top, name, action = "", ...rest] = path.split("/");
  return method === "POST" && top === "subscriptions" && name !== undefined &&
    WAKE_TOKEN_ACTIONS.has(action) && rest.length === 0;
}

function dispatch(control: ControlRequest, path: string): Promise<HttpResponse> {
  const { method } = control.request;
  if (path === "jwks.json") return only("GET", method, () => jwks(control));
  if (path === "jwks.json/rotate") return only("POST", method, () => rotate(control));
  const [, encodedName = "", action = "", ...rest] = path.split("/");
  if (encodedName === "") return only("GET", method, () => list(control));
  const actions = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
  const takesRest = action === "streams" && method === "DELETE";
  if (actions === undefined || (rest.length > 0 && !takesRest)) throw noSuchPath(path);
  const act = Object.hasOwn(actions, method) ? actions[method] : undefined;
  if (act === undefined) throw wrongMethod(method, Object.keys(actions).join(", "));
  return act(control, parseName(encodedName), rest.join("/"));
}

async function create(control: ControlRequest, name: string): Promise<HttpResponse> {
  const { context, service, request, asker } = control;
  requireAny(asker, "subscribe");
  const spec = parseSpec(await JsonBody.read(context, request));
  const creator = checkNewSubscription(asker, spec);
  // Of another's nothing is said but that it isn't theirs.
  if (asker !== undefined && await service.scope(name) !== undefined) {
    await checkTheirs(control, name);
  }
  const baseUrl = context.urls.streamsUrl(request);
  const { created, ...info } = await service.create(name, { ...spec, ...creator, baseUrl });
  return await whole(control, created ? 201 : 200, info);
}

/**
 * Checks that somebody may do what concerns a subscription. One that is missing is no other than one that
 * isn't theirs, but to whom all are.
 *
 * @throws {StreamError} `forbidden`
 */
async function checkTheirs({ service, asker }: ControlRequest, name: string): Promise<void> {
  if (asker === undefined) return;
  const scope = await service.scope(name);
  const isTheirs = scope === undefined ? seesEverything(asker, "subscribe") : mayUse(asker, scope);
  if (!isTheirs) throw notTheirs(asker, name);
}

async function get(control: ControlRequest, name: string): Promise<HttpResponse> {
  await checkTheirs(control, name);
  return await whole(control, 200, await control.service.get(name));
}

/** A subscription with all of its streams, which may be very many. */
async function whole(
  { service }: ControlRequest,
  status: number,
  info: SubscriptionInfo,
): Promise<HttpResponse> {
  const page = (after: string | undefined) => service.links(info.name, after, PAGE_LIMIT);
  const first = await page(undefined);
  const text = JSON.stringify(subscriptionJson(info, service));
  const before = `${text.slice(0, -1)},"streams":[`;
  if (first.next === undefined) return jsonResponse(status, `${before}${linksJson(first)}]}`);
  const body = new LinksBody({ before, after: "]}\n", first: await notEmpty(first, page), page });
  return { ...jsonResponse(status, ""), body };
}

/** The first page that has links, or the last: what follows it in a list begins with a comma. */
async function notEmpty(
  first: LinkPage,
  page: (after: string) => Promise<LinkPage>,
): Promise<LinkPage> {
  let found = first;
  while (found.links.length === 0 && found.next !== undefined) {
    found = await page(found.next);
    await yieldToEventLoop();
  }
  return found;
}

async function list({ context, service, request, asker }: ControlRequest): Promise<HttpResponse> {
  requireAny(asker, "subscribe");
  if (!context.config.listing) {
    throw new StreamError(
      { code: "not_found" },
      "This server doesn't list its subscriptions: start it with --listing, or " +
        "DURABLE_STREAMS_LISTING=true (createApp has the option listing).",
    );
  }
  const after = new URL(request.url).searchParams.get("after") ?? undefined;
  const { subscriptions, next } = await service.list(
    after,
    PAGE_LIMIT,
    asker && ((scope) => mayUse(asker, scope)),
  );
  const found = subscriptions.map((info) => subscriptionJson(info, service));
  return jsonResponse(200, JSON.stringify({ subscriptions: found, next }));
}

async function remove(control: ControlRequest, name: string): Promise<HttpResponse> {
  await checkTheirs(control, name);
  await control.service.delete(name);
  return NO_CONTENT;
}

async function link(control: ControlRequest, name: string): Promise<HttpResponse> {
  const { context, service, request, asker } = control;
  await checkTheirs(control, name);
  const paths = parsePaths(await JsonBody.read(context, request));
  if (paths.length === 0) throw invalidField("streams", "is empty", "at least one stream");
  for (const path of paths) requireRight(asker, "subscribe", path);
  await checkTheirs(control, name);
  await service.link(name, paths);
  return NO_CONTENT;
}

async function unlink(
  control: ControlRequest,
  name: string,
  encodedPath: string,
): Promise<HttpResponse> {
  await checkTheirs(control, name);
  await control.service.unlink(name, parsePath(encodedPath));
  return NO_CONTENT;
}

async function claim(control: ControlRequest, name: string): Promise<HttpResponse> {
  const { context, service, request } = control;
  await checkTheirs(control, name);
  const worker = parseWorker(await JsonBody.read(context, request));
  // While the body came it may have been made again.
  await checkTheirs(control, name);
  const { token, streams, subscription } = await service.claim(name, worker);
  const { state, config } = subscription;
  return jsonResponse(
    200,
    JSON.stringify({
      wake_id: state.wakeId,
      generation: state.generation,
      token,
      streams: wakeStreamsJson(streams),
      lease_ttl_ms: config.leaseMs,
    }),
  );
}

/** Has a wake or an attempt that waits for its time made now (an extension). */
async function retry(control: ControlRequest, name: string): Promise<HttpResponse> {
  await checkTheirs(control, name);
  const retried = await control.service.retry(name);
  return jsonResponse(200, JSON.stringify({ retried }));
}

async function ack(
  control: ControlRequest,
  name: string,
  use: "callback" | "claim",
): Promise<HttpResponse> {
  const { context, service, request } = control;
  const body = await JsonBody.read(context, request);
  const credentials = parseCredentials(request, body, use);
  await hideMissing(control, name, credentials.token);
  const { nextWake } = await service.ack(name, credentials, parseAcks(body), body.flag("done"));
  return jsonResponse(200, JSON.stringify({ ok: true, next_wake: nextWake }));
}

/**
 * Where somebody needs rights to see subscriptions, whoever has no token of one learns nothing of it.
 *
 * @throws {StreamError} `token_invalid`
 */
async function hideMissing(
  { service, asker }: ControlRequest,
  name: string,
  token: string,
): Promise<void> {
  if (asker === undefined || await service.scope(name) !== undefined) return;
  service.checkTokenName(name, token);
}

async function release(control: ControlRequest, name: string): Promise<HttpResponse> {
  const { context, service, request } = control;
  const body = await JsonBody.read(context, request);
  const credentials = parseCredentials(request, body, "claim");
  await hideMissing(control, name, credentials.token);
  await service.release(name, credentials);
  return NO_CONTENT;
}

function jwks({ service }: ControlRequest): Promise<HttpResponse> {
  return Promise.resolve({
    status: 200,
    headers: {
      ...COMMON_HEADERS,
      "content-type": "application/jwk-set+json",
      "cache-control": `public, max-age=${JWKS_MAX_AGE_SECONDS}`,
    },
    body: JSON.stringify(service.jwks()),
  });
}

async function rotate({ service, asker }: ControlRequest): Promise<HttpResponse> {
  requireAdmin(asker);
  const { kid, signsFromMs } = await service.rotate();
  const signsFrom = new Date(signsFromMs).toISOString();
  return jsonResponse(200, JSON.stringify({ kid, signs_from: signsFrom }));
}

const NO_CONTENT: HttpResponse = {
  status: 204,
  headers: { ...COMMON_HEADERS, ...NO_STORE },
  body: null,
};

function only(
  allowed: string,
  method: string,
  respond: () => Promise<HttpResponse>,
): Promise<HttpResponse> {
  if (method !== allowed) throw wrongMethod(method, allowed);
  return respond();
}

function parseName(encoded: string): string {
  let name: string;
  try {
    name = decodeURIComponent(encoded);
  } catch {
    throw invalidField("id", "is not percent-encoded UTF-8", "a text");
  }
  const isGood = name.length <= NAME_LIMIT_CHARS && !CONTROL.test(name) && !name.includes("/");
  if (isGood) return name;
  const expected =
    `1 to ${NAME_LIMIT_CHARS} characters, none of them a slash or a control character`;
  throw invalidField("id", `is ${quote(name)}`, expected);
}

function noSuchPath(path: string): StreamError {
  return new StreamError({ code: "not_found" }, `There is nothing at ${quote(`__ds/${path}`)}.`);
}

function wrongMethod(method: string, allowed: string): StreamError {
  return new StreamError(
    { code: "method_not_allowed", allowed },
    `This URL doesn't take the method ${quote(method)}: expected ${allowed}.`,
  );
}

function unsupported(): StreamError {
  return new StreamError(
    { code: "subscriptions_unsupported" },
    "This server has no subscriptions: its storage doesn't keep any, or they were turned off.",
  );
}
