import { NO_BYTES } from "../../../src/protocol/bytes.ts";
import type { StreamError } from "../../../src/protocol/errors.ts";
import type { AppendRequest } from "../../../src/storage/storage.ts";
import {
  between,
  type ModelOp,
  type ModelProducer,
  type ModelStream,
  type Status,
} from "./model.ts";
import { makePayload, type Payload } from "./payload.ts";
import { isShortageCode, type Session } from "./session.ts";
import { expect } from "./violation.ts";

const PRODUCERS = ["p", "q"];
const NOTHING: Payload = { body: NO_BYTES, stored: NO_BYTES, ends: [] };

/** Sends an append of some kind; those of one stream may be under way side by side. */
export function append(session: Session, stream: ModelStream): void {
  const { random } = session.world;
  if (stream.exclusive > 0 || stream.lifecycle !== "there") return;
  if (random.chance(0.3)) return appendAsProducer(session, stream);
  const isFree = stream.isIdle && !stream.closed;
  if (isFree && random.chance(0.15)) {
    // One at a time, so that those after it are really after it.
    const seq = String(session.world.nextOpId()).padStart(8, "0");
    return send(session, stream, newOp(session, stream, { seq }), { isExclusive: true });
  }
  if (isFree && random.chance(0.05)) return close(session, stream);
  const { space } = stream.ownerAt(stream.tail);
  if (isFree && space !== undefined && session.world.extra.chance(0.1)) {
    const expectedTail = { space, position: stream.tail };
    return send(session, stream, newOp(session, stream, { expectedTail }), { isExclusive: true });
  }
  send(session, stream, newOp(session, stream, {}), {});
}

/** Closes, with a last append or without. */
function close(session: Session, stream: ModelStream): void {
  const op = newOp(session, stream, { close: true }, session.world.random.chance(0.5));
  stream.closing = op;
  send(session, stream, op, { isExclusive: true });
}

/** A producer's next batch, or once more its last. */
function appendAsProducer(session: Session, stream: ModelStream): void {
  const { random } = session.world;
  const id = random.pick(PRODUCERS);
  const producer = stream.producers.get(id) ?? { id, epoch: 0, nextSeq: 0, last: undefined };
  const { last } = producer;
  const isAgain = last !== undefined && (last.outcome !== "stored" || random.chance(0.3));
  if (isAgain) return sendAgain(session, stream, producer, last);
  if (stream.closed) return;
  stream.producers.set(id, producer);
  if (last !== undefined && random.chance(0.1)) {
    producer.epoch++;
    producer.nextSeq = 0;
  }
  const batch = { id, epoch: producer.epoch, seq: producer.nextSeq };
  const closes = stream.isIdle && random.chance(0.05);
  const op = newOp(
    session,
    stream,
    { producer: batch, close: closes },
    !closes || random.chance(0.5),
  );
  producer.last = op;
  producer.nextSeq++;
  if (closes) stream.closing = op;
  send(session, stream, op, { producer, isExclusive: closes });
}

/** The same batch again, also while it is still under way or its answer was lost. */
function sendAgain(
  session: Session,
  stream: ModelStream,
  producer: ModelProducer,
  op: ModelOp,
): void {
  // Refused for good: the batch that takes its place is another.
  if (op.outcome === "absent" && stream.closed) return;
  const isUnderWay = op.outcome === "unknown";
  if (op.request.close === true && (isUnderWay || !stream.isIdle)) return;
  if (op.outcome === "absent") {
    op.outcome = "unknown";
    if (op.request.close === true) stream.closing = op;
  }
  send(session, stream, op, { producer, isAgain: true, isExclusive: op.request.close === true });
}

function newOp(
  session: Session,
  stream: ModelStream,
  request: Omit<AppendRequest, "body">,
  hasBody = true,
): ModelOp {
  const { world } = session;
  const id = world.nextOpId();
  const length = world.random.below(world.random.chance(0.7) ? 300 : world.longestBytes);
  const payload = hasBody
    ? makePayload(stream.json, id, length, stream.json ? world.random.between(1, 4) : 1)
    : NOTHING;
  const { body } = payload;
  const op: ModelOp = {
    id,
    life: world.life,
    payload,
    request: { ...(hasBody ? { contentType: stream.contentType } : {}), ...request, body },
    outcome: "unknown",
    start: undefined,
    sent: 0,
    underWay: 0,
  };
  stream.ops.push(op);
  return op;
}

interface SendOptions {
  producer?: ModelProducer;
  isAgain?: boolean;
  isExclusive?: boolean;
}

function send(session: Session, stream: ModelStream, op: ModelOp, options: SendOptions): void {
  const { world } = session;
  const { isAgain = false, isExclusive = false } = options;
  const before = world.statuses(stream.name);
  const startedMs = world.nowMs;
  const { body: _, contentType: __, ...rest } = op.request;
  world.note(
    `append ${stream.name} op=${op.id} bytes=${op.payload.stored.length} ${JSON.stringify(rest)}` +
      `${isAgain ? " again" : ""}`,
  );
  stream.maybeUsed(startedMs);
  stream.appending++;
  op.sent++;
  if (op.outcome !== "stored") op.life = world.life;
  op.underWay++;
  if (isExclusive) stream.exclusive++;
  const end = (outcome: string) => {
    stream.appending--;
    op.underWay--;
    if (isExclusive) stream.exclusive--;
    world.note(`  op=${op.id} ${outcome}`);
  };
  session.ask(session.storage.append(stream.name, op.request), {
    done: ({ tail, duplicate, closed, space }) => {
      world.checkSpace(stream, space, tail);
      end(duplicate ? "duplicate" : `at ${tail - op.payload.stored.length}`);
      const at = `stream ${stream.name}, operation ${op.id}`;
      expect(!duplicate || op.sent > 1, `${at}: is no duplicate`);
      if (!duplicate) placed(at, op, tail - op.payload.stored.length);
      op.outcome = "stored";
      stream.used(startedMs, world.nowMs);
      if (op.request.seq !== undefined) stream.seq = op.request.seq;
      if (op.request.close !== true) return;
      expect(closed, `${at}: has closed the stream`);
      stream.closed = true;
    },
    refused: (error) => {
      end(error.code);
      stream.maybeUsed(world.nowMs);
      refused(session, stream, op, error, between(before, world.statuses(stream.name)));
      if (options.producer?.last === op) rollBack(stream, options.producer, op);
    },
    unknown: () => {
      world.note(`  op=${op.id} unknown`);
    },
  });
}

/** It was answered where it is. */
function placed(at: string, op: ModelOp, start: number): void {
  expect(
    op.start === undefined || op.start === start,
    `${at}: was answered to be at ${start}, and stands at ${op.start}`,
  );
  op.start = start;
}

function refused(
  session: Session,
  stream: ModelStream,
  op: ModelOp,
  error: StreamError,
  allowed: ReadonlySet<Status>,
): void {
  const at = `stream ${stream.name}, operation ${op.id}`;
  const { code } = error;
  // One that is under way twice may be stored all the same.
  if (op.outcome !== "stored" && op.underWay === 0) {
    op.outcome = "absent";
    if (stream.closing === op) stream.closing = undefined;
  }
  if (code === "not_found" || code === "gone") {
    expect(allowed.has(code), `${at}: is refused, though it is there: ${code}`);
    if (stream.lifecycle === "there") stream.end();
  } else if (code === "stream_closed") {
    expect(stream.closed, `${at}: is refused, though the stream is open`);
  } else if (isShortageCode(code)) {
    expect(session.isFaulty, `${at}: is refused, though nothing is lacking`);
  } else {
    expect(false, `${at}: is refused: ${error.message}`);
  }
}

/** What was refused takes no number: the producer's next batch has it. */
function rollBack(stream: ModelStream, producer: ModelProducer, op: ModelOp): void {
  if (op.outcome !== "absent") return;
  producer.nextSeq = op.request.producer?.seq ?? 0;
  producer.last = stream.ops.findLast(({ outcome, request }) =>
    outcome === "stored" && request.producer?.id === producer.id
  );
}
