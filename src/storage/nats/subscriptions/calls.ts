import { gunzipSync, gzipSync } from "node:zlib";
import { type Bytes, decodeUtf8, encodeUtf8 } from "../../../protocol/bytes.ts";
import { StreamError } from "../../../protocol/errors.ts";
import { parsePattern } from "../../../protocol/name_pattern.ts";
import type { Offset } from "../../../protocol/offset.ts";
import { type JsonFields, readObject, textOf } from "../../subscriptions/json_fields.ts";
import {
  configJson,
  readConfig,
  readState,
  toWakeStream,
} from "../../subscriptions/subscription_json.ts";
import type {
  Acked,
  CreatedSubscription,
  Fence,
  Link,
  LinkPage,
  RequestedAck,
  SubscriptionInfo,
  SubscriptionPage,
  SubscriptionScope,
  SubscriptionSpec,
  Wake,
} from "../../subscription_store.ts";
import { failureJson, readFailure } from "./call_errors.ts";
import type { OwnedSubscriptions } from "./owned_subscriptions.ts";

/**
 * What one front end asks of the one that owns the subscriptions, and its answers: JSON, never stored. Both
 * are of the same version of the program, but for the minutes of an upgrade: what isn't understood is an error.
 */
export type Call =
  | { readonly method: "create"; readonly name: string; readonly spec: SubscriptionSpec }
  | { readonly method: "get" | "scope" | "delete" | "retry"; readonly name: string }
  | {
    readonly method: "links";
    readonly name: string;
    readonly after: string | undefined;
    readonly limit: number;
  }
  | { readonly method: "list"; readonly after: string | undefined; readonly limit: number }
  | { readonly method: "link"; readonly name: string; readonly paths: readonly string[] }
  | { readonly method: "unlink"; readonly name: string; readonly path: string }
  | { readonly method: "claim"; readonly name: string; readonly worker: string }
  | {
    readonly method: "ack";
    readonly name: string;
    readonly fence: Fence;
    readonly acks: readonly RequestedAck[];
    readonly done: boolean;
  }
  | { readonly method: "release"; readonly name: string; readonly fence: Fence };

const METHODS = [
  "create",
  "get",
  "scope",
  "delete",
  "links",
  "list",
  "link",
  "unlink",
  "claim",
  "ack",
  "release",
  "retry",
] as const;

/** What is longer goes compressed: thousands of names are much alike. */
const PLAIN_LIMIT_BYTES = 64 * 1024;
const UNPACKED_LIMIT_BYTES = 256 * 1024 * 1024;
/** Of what gzip writes; JSON begins otherwise. */
const PACKED_MARK = 0x1f;

/** The bytes of a call. */
export function encodeCall(call: Call): Bytes {
  return pack(call);
}

/** @throws {SyntaxError} where it is none */
export function decodeCall(bytes: Bytes): Call {
  return readObject(unpack(bytes), readCall);
}

/** The answer of one that doesn't own the subscriptions. */
export const NOT_OWNER = encodeUtf8('{"notOwner":true}');

/** Does what is asked for; the answer's bytes. Doesn't throw. */
export async function answerCall(owned: OwnedSubscriptions, call: Call): Promise<Bytes> {
  try {
    return pack({ result: await perform(owned, call) ?? null });
  } catch (error) {
    return pack({ error: failureJson(error) });
  }
}

/**
 * An answer's result; `undefined` where who answered doesn't own the subscriptions.
 *
 * @throws {StreamError} what the owner's did
 */
export function readAnswer<T>(
  bytes: Bytes,
  read: (value: unknown) => T,
): { readonly result: T } | undefined {
  try {
    return readObject(unpack(bytes), (fields) => {
      if (fields.has("notOwner")) {
        fields.flag("notOwner");
        return undefined;
      }
      if (fields.has("error")) throw fields.object("error", readFailure);
      return { result: read(fields.value("result")) };
    });
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new StreamError(
      { code: "storage_unreachable" },
      `The front end that owns the subscriptions has answered what isn't understood here: ` +
        `${error.message}. It may be of another version.`,
    );
  }
}

/** Whether anything was to be done. */
export function readFlag(value: unknown): boolean {
  return value === true;
}

/** Nothing but that it is done. */
export function readNothing(): void {}

/** @throws {SyntaxError} as all of these do */
export function readCreated(value: unknown): CreatedSubscription {
  return readObject(value, (fields) => ({ ...readInfo(fields), created: fields.flag("created") }));
}

/** What a subscription is. */
export function toInfo(value: unknown): SubscriptionInfo {
  return readObject(value, readInfo);
}

/** Some of its links. */
export function readLinkPage(value: unknown): LinkPage {
  return readObject(value, (fields) => ({
    links: fields.list("links", toLink),
    next: fields.optionalText("next"),
  }));
}

/** Some subscriptions. */
export function readPage(value: unknown): SubscriptionPage {
  return readObject(value, (fields) => ({
    subscriptions: fields.list("subscriptions", toInfo),
    next: fields.optionalText("next"),
  }));
}

/** A wake. */
export function readWake(value: unknown): Wake {
  return readObject(value, (fields) => ({
    subscription: fields.object("subscription", readInfo),
    streams: fields.list("streams", toWakeStream),
  }));
}

/** An ack's answer. */
export function readAcked(value: unknown): Acked {
  return readObject(value, (fields) => ({ nextWake: fields.flag("nextWake") }));
}

/** What a subscription follows. */
export function readScope(value: unknown): SubscriptionScope | undefined {
  if (value === null) return undefined;
  return readObject(value, (fields) => {
    const pattern = fields.optionalText("pattern");
    return {
      pattern: pattern === undefined ? undefined : parsePattern(pattern),
      paths: new Set(fields.list("paths", textOf)),
      wakeStream: fields.optionalText("wakeStream"),
      creator: fields.optionalText("creator"),
    };
  });
}

function pack(value: unknown): Bytes {
  const bytes = encodeUtf8(JSON.stringify(value));
  return bytes.length > PLAIN_LIMIT_BYTES ? new Uint8Array(gzipSync(bytes)) : bytes;
}

/** @throws {SyntaxError} where it is none */
function unpack(bytes: Bytes): unknown {
  if (bytes[0] !== PACKED_MARK) return JSON.parse(decodeUtf8(bytes));
  try {
    const unpacked = gunzipSync(bytes, { maxOutputLength: UNPACKED_LIMIT_BYTES });
    return JSON.parse(decodeUtf8(new Uint8Array(unpacked)));
  } catch (error) {
    throw new SyntaxError(error instanceof Error ? error.message : String(error));
  }
}

async function perform(owned: OwnedSubscriptions, call: Call): Promise<unknown> {
  switch (call.method) {
    case "create":
      return await owned.create(call.name, call.spec);
    case "get":
      return await owned.get(call.name);
    case "scope": {
      const scope = owned.scope(call.name);
      const pattern = owned.state.registry.find(call.name)?.config.pattern;
      return scope && { ...scope, pattern, paths: [...scope.paths] };
    }
    case "delete":
      return await owned.delete(call.name);
    case "links":
      return await owned.links(call.name, call.after, call.limit);
    case "list":
      return await owned.list(call.after, call.limit);
    case "link":
      return await owned.link(call.name, call.paths);
    case "unlink":
      return await owned.unlink(call.name, call.path);
    case "claim":
      return await owned.claim(call.name, call.worker);
    case "ack":
      return await owned.ack(call.name, call.fence, call.acks, call.done);
    case "release":
      return await owned.release(call.name, call.fence);
    case "retry":
      return await owned.retry(call.name);
  }
}

function readCall(fields: JsonFields): Call {
  const method = fields.oneOf("method", METHODS);
  if (method === "list") {
    return { method, after: fields.optionalText("after"), limit: fields.integer("limit") };
  }
  const name = fields.text("name");
  switch (method) {
    case "create":
      return { method, name, spec: fields.object("spec", readSpec) };
    case "links": {
      const after = fields.optionalText("after");
      return { method, name, after, limit: fields.integer("limit") };
    }
    case "link":
      return { method, name, paths: fields.list("paths", textOf) };
    case "unlink":
      return { method, name, path: fields.text("path") };
    case "claim":
      return { method, name, worker: fields.text("worker") };
    case "ack":
      return {
        method,
        name,
        fence: fields.object("fence", readFence),
        acks: fields.list("acks", toRequestedAck),
        done: fields.flag("done"),
      };
    case "release":
      return { method, name, fence: fields.object("fence", readFence) };
    default:
      return { method, name };
  }
}

function readSpec(fields: JsonFields): SubscriptionSpec {
  const baseUrl = fields.text("baseUrl");
  return { ...configJson(readConfig(fields)), baseUrl };
}

function readFence(fields: JsonFields): Fence {
  return {
    token: fields.object("token", (token) => ({
      subscriptionId: token.integer("subscriptionId"),
      generation: token.integer("generation"),
      wakeId: token.text("wakeId"),
    })),
    generation: fields.integer("generation"),
    wakeId: fields.text("wakeId"),
  };
}

function toRequestedAck(value: unknown): RequestedAck {
  return readObject(value, (fields) => ({
    path: fields.text("path"),
    offset: toOffset(fields.value("offset")),
    token: fields.text("token"),
  }));
}

function toOffset(value: unknown): Offset {
  if (typeof value === "number") return value;
  return readObject(value, (fields) => ({
    space: fields.integer("space"),
    position: fields.integer("position"),
  }));
}

function toLink(value: unknown): Link {
  return readObject(value, (fields) => ({
    path: fields.text("path"),
    isExplicit: fields.flag("isExplicit"),
    ackedOffset: fields.text("ackedOffset"),
  }));
}

function readInfo(fields: JsonFields): SubscriptionInfo {
  return {
    id: fields.integer("id"),
    name: fields.text("name"),
    createdAtMs: fields.integer("createdAtMs"),
    config: fields.object("config", readConfig),
    baseUrl: fields.text("baseUrl"),
    state: fields.object("state", readState),
    pendingStreams: fields.has("pendingStreams") ? fields.integer("pendingStreams") : undefined,
  };
}
