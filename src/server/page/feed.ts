import type { Grant } from "../../access/grant.ts";
import type { Rights } from "../../access/rights.ts";
import { type Verb, VERBS } from "../../access/verb.ts";
import type { HttpRequest, HttpResponse } from "../../http/handler.ts";
import { runtimeName } from "../../listen/runtime_name.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { StreamError } from "../../protocol/errors.ts";
import { type Asker, requireRight, seesEverything } from "../access/guard.ts";
import { COMMON_HEADERS, NO_CACHE } from "../common/common_headers.ts";
import type { ServerContext } from "../verbs/context.ts";
import { frameOf } from "./feed_body.ts";
import type { FeedHub } from "./feed_hub.ts";
import { integer } from "./query.ts";

/** So many streams does one page compare. */
const RATES_LIMIT = 8;

/**
 * GET of what an open page is told, as server-sent events (an extension): first what the server is and what
 * these credentials may do, then the server's figures each second, its health where that changes, and that
 * streams came or went. Whoever isn't an admin gets no figures.
 */
export function openFeed(
  context: ServerContext,
  hub: FeedHub,
  request: HttpRequest,
  asker: Asker,
): HttpResponse {
  const parameters = new URL(request.url).searchParams;
  const rates = ratesOf(parameters, asker);
  const sinceMs = integer(parameters, "since", { from: 0, to: 2 ** 48, default: 0 });
  const isAdmin = seesEverything(asker, "admin");
  const first: Bytes[] = [frameOf("hello", hello(context, asker))];
  if (isAdmin) first.push(hub.historyFrame(sinceMs));
  const { signal } = request;
  return {
    status: 200,
    headers: {
      ...COMMON_HEADERS,
      ...NO_CACHE,
      "content-type": "text/event-stream",
      "x-accel-buffering": "no",
    },
    body: hub.open({ isAdmin, rates, first, signal, rights: asker }),
  };
}

function ratesOf(parameters: URLSearchParams, asker: Asker): readonly string[] {
  const names = [...new Set(parameters.getAll("rates"))].filter((name) => name !== "");
  if (names.length > RATES_LIMIT) {
    throw new StreamError(
      { code: "invalid_query" },
      `The query has ${names.length} times rates: a page compares ${RATES_LIMIT} streams at most.`,
    );
  }
  for (const name of names) requireRight(asker, "read", name);
  return names;
}

function hello({ config, storage, clock, startedMs }: ServerContext, asker: Asker) {
  const nowMs = clock.nowMs();
  return {
    version: config.version ?? "",
    runtime: runtimeName(),
    uptimeMs: Math.round(nowMs - startedMs),
    storage: storage.kind ?? null,
    access: config.authority !== undefined,
    verbs: verbsOf(asker),
    grants: asker === undefined ? null : grantsOf(asker),
    listing: config.listing,
    subscriptions: config.subscriptions !== undefined,
    links: config.authority?.signsLinks === true && seesEverything(asker, "admin"),
    now: nowMs,
  };
}

/** Which verbs are granted for anything at all; `admin` only over everything. */
function verbsOf(asker: Asker): Record<Verb, boolean> {
  const has = (verb: Verb) => asker === undefined || asker.hasAny(verb);
  return {
    read: has("read"),
    append: has("append"),
    create: has("create"),
    close: has("close"),
    delete: has("delete"),
    list: has("list"),
    subscribe: has("subscribe"),
    admin: seesEverything(asker, "admin"),
  };
}

function grantsOf(rights: Rights) {
  return rights.grants.map(({ verbs, pattern }: Grant) => ({
    verbs: VERBS.filter((verb) => verbs.has(verb)),
    patterns: [pattern.text],
  }));
}
