import type { StreamError } from "../../../src/protocol/errors.ts";
import type { Lifetime } from "../../../src/protocol/lifetime.ts";
import { type Offset, positionOf } from "../../../src/protocol/offset.ts";
import type { Created, CreateSpec } from "../../../src/storage/storage.ts";
import { between, type ModelFork, type ModelOp, ModelStream, type Status } from "./model.ts";
import { makePayload, type Payload } from "./payload.ts";
import { isShortageCode, type Session } from "./session.ts";
import { expect } from "./violation.ts";

const TYPES = ["text/plain", "application/json", "application/octet-stream"];

/** Creates a stream, where none is. */
export function create(session: Session, name: string): void {
  const { random } = session.world;
  const before = freeName(session, name);
  if (before === "taken") return;
  const contentType = random.pick(TYPES);
  const { first, body } = firstContent(session, contentType === "application/json");
  const lifetime = chooseLifetime(session);
  const spec: CreateSpec = { contentType, closed: random.chance(0.05), ...body, ...lifetime };
  put(session, name, spec, undefined, first, before);
}

/** Forks a stream that is there, somewhere in what is known of it. */
export function fork(session: Session, name: string, source: ModelStream): void {
  const { world } = session;
  const { random } = world;
  if (source.lifecycle !== "there" || source.exclusive > 0 || source.name === name) return;
  const before = freeName(session, name);
  if (before === "taken") return;
  const { origin, ...where } = nameSpace(session, source, choosePoint(session, source));
  const { first, body } = random.chance(0.3) ? firstContent(session, source.json) : {};
  const lifetime = random.chance(0.3) ? chooseLifetime(session) : {};
  const contentType = random.chance(0.2) ? "image/png" : undefined;
  const spec: CreateSpec = {
    ...body,
    ...lifetime,
    contentType,
    fork: { source: source.name, ...where },
  };
  put(session, name, spec, origin, first, before);
}

/** Creates once more what is there already. */
export function createAgain(session: Session, stream: ModelStream): void {
  const { world, storage } = session;
  // One that may end meanwhile could be created indeed.
  if (!stream.isIdle || stream.lifecycle !== "there" || stream.lifetime.kind !== "forever") return;
  if (stream.fork !== undefined && stream.fork.source.lifecycle !== "there") return;
  const { name, spec } = stream;
  const before = world.statuses(name);
  if (before.size > 1 || !before.has("there")) return;
  world.note(`create ${name} again`);
  stream.exclusive++;
  session.ask(storage.create(name, spec), {
    done: ({ created, space, tail }) => {
      stream.exclusive--;
      world.checkSpace(stream, space, tail);
      expect(!created, `stream ${name}: is there and can't be created`);
      const isSame = (spec.closed ?? false) === stream.closed;
      expect(isSame, `stream ${name}: was closed meanwhile, so that it isn't what is asked for`);
    },
    refused: ({ code, message }) => {
      stream.exclusive--;
      const isOther = (spec.closed ?? false) !== stream.closed;
      const isFull = session.isFaulty && isShortageCode(code);
      expect(isFull || (code === "stream_exists" && isOther), `stream ${name}: ${message}`);
    },
    unknown: () => {},
  });
}

/** Deletes what is there, or what isn't. */
export function remove(session: Session, name: string): void {
  const { world, storage } = session;
  const stream = world.stream(name);
  if (stream !== undefined && !stream.isIdle) return;
  const before = world.statuses(name);
  const isThere = stream?.lifecycle === "there";
  world.note(`delete ${name}`);
  if (stream !== undefined) {
    stream.exclusive++;
    if (isThere) stream.lifecycle = "deleting";
  }
  const end = (outcome: string) => {
    if (stream !== undefined) stream.exclusive--;
    world.note(`  delete ${name} ${outcome}`);
  };
  session.ask(storage.delete(name), {
    done: () => {
      end("done");
      expect(isThere, `${name}: nothing is there to be deleted`);
      stream.end();
    },
    refused: ({ code, message }) => {
      end(code);
      if (isShortageCode(code) && session.isFaulty) {
        if (stream?.lifecycle === "deleting") stream.lifecycle = "there";
        return;
      }
      const allowed: ReadonlySet<string> = between(before, world.statuses(name));
      expect(allowed.has(code), `${name}: can't be deleted: ${message}`);
      stream?.end();
    },
    unknown: () => {},
  });
}

/** What the name stood for before, which is over for certain. */
function freeName(session: Session, name: string): ModelStream | undefined | "taken" {
  const { world } = session;
  const stream = world.stream(name);
  if (stream === undefined) return undefined;
  if (!stream.isIdle || stream.statuses(world.nowMs).has("there")) return "taken";
  // Its time is over and nobody has noticed: to be told apart from the next one it needs a face.
  return stream.lifecycle === "ended" || stream.id !== undefined ? stream : "taken";
}

function put(
  session: Session,
  name: string,
  spec: CreateSpec,
  origin: ModelFork | undefined,
  first: ModelOp | undefined,
  before: ModelStream | undefined,
): void {
  const { world, storage } = session;
  const allowedBefore = world.statuses(name);
  const stream = new ModelStream(name, spec, { fork: origin, before }, world.nowMs);
  if (first !== undefined) stream.ops.push(first);
  world.put(stream);
  stream.exclusive++;
  if (origin !== undefined) origin.source.forking++;
  // It branches off at the source's tail, which has to stay where it is.
  const holds = origin !== undefined && spec.fork?.offset === undefined;
  if (holds) origin.source.exclusive++;
  const { body, ...rest } = spec;
  world.note(`create ${name} ${JSON.stringify(rest)} op=${first?.id} bytes=${body?.length ?? 0}`);
  const end = (outcome: string) => {
    stream.exclusive--;
    if (origin !== undefined) origin.source.forking--;
    if (holds) origin.source.exclusive--;
    world.note(`  create ${name} ${outcome}`);
  };
  session.ask(storage.create(name, spec), {
    done: (created) => {
      end("done");
      before?.end();
      checkCreated(session, stream, created, first);
    },
    refused: (error) => {
      end(error.code);
      const allowed = before === undefined ? allowedBefore : before.statuses(world.nowMs);
      world.takeBack(stream);
      checkRefused(session, stream, error, between(allowedBefore, allowed));
    },
    unknown: () => {},
  });
}

function checkCreated(
  session: Session,
  stream: ModelStream,
  { created, tail, closed, space }: Created,
  first: ModelOp | undefined,
): void {
  const at = `stream ${stream.name}`;
  const { spec, fork: origin } = stream;
  expect(created, `${at}: is new`);
  session.world.checkSpace(stream, space, tail);
  expect(
    spec.contentType === undefined || origin === undefined ||
      spec.contentType === origin.source.contentType,
    `${at}: a fork has its source's type`,
  );
  const length = first?.payload.stored.length ?? 0;
  expect(tail === stream.ownStart + length, `${at}: begins at ${stream.ownStart}, not ${tail}`);
  expect(closed === (spec.closed ?? false), `${at}: is created open or closed as asked for`);
  if (stream.lifecycle === "creating") stream.lifecycle = "there";
  stream.closed ||= closed;
  stream.maybeUsed(session.world.nowMs);
  if (first === undefined) return;
  first.outcome = "stored";
  first.start = stream.ownStart;
}

function checkRefused(
  session: Session,
  stream: ModelStream,
  { code, message }: StreamError,
  statuses: ReadonlySet<Status>,
): void {
  const { world } = session;
  const at = `stream ${stream.name}`;
  if (isShortageCode(code) && session.isFaulty) return;
  if (code === "stream_exists" && statuses.has("gone")) return;
  const source = stream.fork?.source;
  if (source !== undefined) {
    const found = source.statuses(world.nowMs);
    if (code === "content_type_mismatch" && stream.contentType !== source.contentType) return;
    const hasEnded = found.has("gone") || found.has("not_found");
    if (hasEnded && (code === "source_deleted" || code === "not_found")) return;
  }
  expect(false, `${at}: can't be created: ${message}`);
}

function firstContent(
  session: Session,
  json: boolean,
): { first?: ModelOp; body?: { body: Payload["body"] } } {
  const { world } = session;
  if (world.random.chance(0.5)) return {};
  const id = world.nextOpId();
  const length = world.random.below(world.longestBytes);
  const payload = makePayload(json, id, length, json ? world.random.between(1, 3) : 1);
  const { body } = payload;
  return {
    body: { body },
    first: {
      id,
      life: world.life,
      payload,
      request: { body },
      outcome: "unknown",
      start: undefined,
      sent: 1,
      underWay: 0,
    },
  };
}

function chooseLifetime(session: Session): { lifetime?: Lifetime } {
  const { random, nowMs } = session.world;
  if (random.chance(0.6)) return {};
  if (random.chance(0.6)) return { lifetime: { kind: "ttl", ttlSeconds: random.between(5, 60) } };
  return { lifetime: { kind: "until", expiresAtMs: nowMs + random.between(5000, 60_000) } };
}

interface ForkPoint {
  origin: ModelFork;
  offset?: Offset;
  subOffset?: number;
}

/** Says now and then whose offset it is. */
function nameSpace({ world }: Session, source: ModelStream, point: ForkPoint): ForkPoint {
  if (point.offset === undefined) return point;
  const position = positionOf(point.offset);
  const { space } = source.ownerAt(position);
  if (space === undefined || !world.extra.chance(0.5)) return point;
  return { ...point, offset: { space, position } };
}

function choosePoint(session: Session, source: ModelStream): ForkPoint {
  const { random } = session.world;
  const { bytes, ends } = source.known();
  const origin = (point: number): ModelFork => ({
    source,
    point,
    prefix: bytes.slice(0, point),
    prefixEnds: ends.filter((end) => end <= point),
  });
  if (source.isIdle && random.chance(0.3)) return { origin: origin(bytes.length) };
  if (!source.json) {
    const offset = random.below(bytes.length + 1);
    if (random.chance(0.5)) return { origin: origin(offset), offset };
    const subOffset = random.below(bytes.length - offset + 1);
    return { origin: origin(offset + subOffset), offset, subOffset };
  }
  const boundaries = [0, ...ends];
  const at = random.below(boundaries.length);
  const subOffset = random.chance(0.5) ? random.below(boundaries.length - at) : 0;
  const point = boundaries[at + subOffset] ?? 0;
  return {
    origin: origin(point),
    offset: boundaries[at] ?? 0,
    ...(subOffset > 0 ? { subOffset } : {}),
  };
}
