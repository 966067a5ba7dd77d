import { invariant } from "../invariant.ts";
import type { Ack, SubscriptionChange } from "../records.ts";
import type {
  SubscriptionConfig,
  SubscriptionPhase,
  SubscriptionState,
  SubscriptionType,
  WakeStream,
} from "../subscription.ts";
import type { SubscriptionRow } from "./capture.ts";
import { type JsonFields, readObject, textOf } from "./json_fields.ts";

/**
 * Subscriptions as JSON, for rows and records alike: members in one order, none that is undefined, so that
 * the same is always the same text.
 */

const TYPES: readonly SubscriptionType[] = ["webhook", "pull-wake"];
const PHASES: readonly SubscriptionPhase[] = ["idle", "delivering", "waiting", "leased"];

/** What a row has in JSON: all that no column of its own has. */
export type SubscriptionBody = Omit<SubscriptionRow, "id" | "name" | "lsn">;

/** The body of a subscription's row. */
export function encodeBody(body: SubscriptionBody): string {
  return JSON.stringify({
    createdAtMs: whole(body.createdAtMs),
    config: configJson(body.config),
    hash: body.hash,
    baseUrl: body.baseUrl,
    links: body.links,
    state: stateJson(body.state),
    wakeStreams: body.wakeStreams.map(wakeStreamJson),
    cursorCount: whole(body.cursorCount),
  });
}

/** @throws {SyntaxError} where it is none */
export function decodeBody(text: string): SubscriptionBody {
  return readObject(JSON.parse(text), (fields) => ({
    createdAtMs: fields.integer("createdAtMs"),
    config: fields.object("config", readConfig),
    hash: fields.text("hash"),
    baseUrl: fields.text("baseUrl"),
    links: fields.list("links", textOf),
    state: fields.object("state", readState),
    wakeStreams: fields.list("wakeStreams", toWakeStream),
    cursorCount: fields.integer("cursorCount"),
  }));
}

/** What a record's change is about, beside its kind. */
export function encodeChange(change: SubscriptionChange): string {
  switch (change.kind) {
    case "create": {
      const { name, config, hash, baseUrl } = change;
      return JSON.stringify({ name, config: configJson(config), hash, baseUrl });
    }
    case "delete":
      return "{}";
    case "link":
      return JSON.stringify({ paths: change.paths });
    case "unlink":
      return JSON.stringify({ path: change.path, streamId: whole(change.streamId) });
    case "state":
      return JSON.stringify({
        state: stateJson(change.state),
        acks: change.acks.map(ackJson),
        wakeStreams: change.wakeStreams?.map(wakeStreamJson),
      });
  }
}

/** @throws {SyntaxError} where it is none of this kind */
export function decodeChange(kind: SubscriptionChange["kind"], text: string): SubscriptionChange {
  return readObject(JSON.parse(text), (fields) => readChange(kind, fields));
}

function readChange(kind: SubscriptionChange["kind"], fields: JsonFields): SubscriptionChange {
  switch (kind) {
    case "create":
      return {
        kind,
        name: fields.text("name"),
        config: fields.object("config", readConfig),
        hash: fields.text("hash"),
        baseUrl: fields.text("baseUrl"),
      };
    case "delete":
      return { kind };
    case "link":
      return { kind, paths: fields.list("paths", textOf) };
    case "unlink":
      return { kind, path: fields.text("path"), streamId: fields.integer("streamId") };
    case "state":
      return {
        kind,
        state: fields.object("state", readState),
        acks: fields.list("acks", toAck),
        wakeStreams: fields.optionalList("wakeStreams", toWakeStream),
      };
  }
}

/** A configuration, its members in order. */
export function configJson(config: SubscriptionConfig): SubscriptionConfig {
  return {
    type: config.type,
    pattern: config.pattern,
    streams: config.streams,
    webhookUrl: config.webhookUrl,
    wakeStream: config.wakeStream,
    leaseMs: whole(config.leaseMs),
    description: config.description,
    ...creatorOf(config.creator),
  };
}

/** @throws {SyntaxError} where it is none */
export function readConfig(fields: JsonFields): SubscriptionConfig {
  return {
    type: fields.oneOf("type", TYPES),
    pattern: fields.optionalText("pattern"),
    streams: fields.list("streams", textOf),
    webhookUrl: fields.optionalText("webhookUrl"),
    wakeStream: fields.optionalText("wakeStream"),
    leaseMs: fields.integer("leaseMs"),
    description: fields.optionalText("description"),
    ...creatorOf(fields.optionalText("creator")),
  };
}

/** Where there is none the member is missing, as it was before there were any. */
function creatorOf(creator: string | undefined): { creator?: string } {
  return creator === undefined ? {} : { creator };
}

function stateJson(state: SubscriptionState): SubscriptionState {
  return {
    phase: state.phase,
    generation: whole(state.generation),
    wakeId: state.wakeId,
    wakeAtMs: whole(state.wakeAtMs),
    holder: state.holder,
    dueMs: whole(state.dueMs),
    failures: whole(state.failures),
    failed: state.failed,
  };
}

/** @throws {SyntaxError} where it is none */
export function readState(fields: JsonFields): SubscriptionState {
  return {
    phase: fields.oneOf("phase", PHASES),
    generation: fields.integer("generation"),
    wakeId: fields.text("wakeId"),
    wakeAtMs: fields.integer("wakeAtMs"),
    holder: fields.text("holder"),
    dueMs: fields.integer("dueMs"),
    failures: fields.integer("failures"),
    failed: fields.flag("failed"),
  };
}

function ackJson({ streamId, position, isTail }: Ack): Ack {
  return { streamId: whole(streamId), position: whole(position), isTail };
}

function toAck(value: unknown): Ack {
  return readObject(value, (fields) => ({
    streamId: fields.integer("streamId"),
    position: fields.integer("position"),
    isTail: fields.flag("isTail"),
  }));
}

function wakeStreamJson(stream: WakeStream): WakeStream {
  return {
    streamId: whole(stream.streamId),
    path: stream.path,
    isExplicit: stream.isExplicit,
    acked: whole(stream.acked),
    tail: whole(stream.tail),
    ackedOffset: stream.ackedOffset,
    tailOffset: stream.tailOffset,
  };
}

/** @throws {SyntaxError} where it is none */
export function toWakeStream(value: unknown): WakeStream {
  return readObject(value, (fields) => ({
    streamId: fields.integer("streamId"),
    path: fields.text("path"),
    isExplicit: fields.flag("isExplicit"),
    acked: fields.integer("acked"),
    tail: fields.integer("tail"),
    ackedOffset: fields.text("ackedOffset"),
    tailOffset: fields.text("tailOffset"),
  }));
}

/** A number that couldn't be read again must not be written: a start would stop at it. */
function whole(value: number): number {
  invariant(Number.isSafeInteger(value) && value >= 0, `${value} is a whole number from 0 on`);
  return value;
}
