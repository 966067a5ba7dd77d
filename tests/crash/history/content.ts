import { type Bytes, NO_BYTES } from "../../../src/protocol/bytes.ts";
import type { StreamInfo } from "../../../src/storage/storage.ts";
import type { ModelOp, ModelStream } from "./model.ts";
import { opIdAt, standsAt } from "./payload.ts";
import { expect } from "./violation.ts";

/**
 * Checks what was read of a stream from its start: every append that is known to be stored is there, once,
 * at the offset that was answered; nothing else is but whole ones whose fate was unknown. What is seen is
 * durable, so that it is known from then on.
 *
 * @param stored the operations known to be stored before the read began
 */
export function checkContent(
  stream: ModelStream,
  bytes: Bytes,
  stored: ReadonlySet<ModelOp>,
): void {
  const at = `stream ${stream.name}`;
  const prefix = stream.fork?.prefix ?? NO_BYTES;
  expect(standsAt(bytes, 0, prefix), `${at}: the fork begins with its source's bytes`);
  const seen = new Set<ModelOp>();
  for (let position = stream.ownStart; position < bytes.length;) {
    const op = opAt(stream, bytes, position);
    expect(!seen.has(op), `${at}: operation ${op.id} is stored once, and not at ${position} again`);
    expect(
      op.start === undefined || op.start === position,
      `${at}: operation ${op.id} is at ${position}, and ${op.start} was answered`,
    );
    seen.add(op);
    op.outcome = "stored";
    op.start = position;
    position += op.payload.stored.length;
  }
  for (const op of stored) {
    expect(
      seen.has(op) || op.payload.stored.length === 0,
      `${at}: operation ${op.id}, known to be stored at ${op.start}, is there`,
    );
  }
  checkOrder(at, seen);
}

/**
 * What a look at the stream tells of itself.
 *
 * @param wasClosed whether it was known to be closed before the look began
 */
export function checkInfo(stream: ModelStream, info: StreamInfo, wasClosed: boolean): void {
  const at = `stream ${stream.name}`;
  stream.id ??= info.id;
  expect(stream.id === info.id, `${at}: its id is ${stream.id}, and not ${info.id}`);
  expect(stream.contentType === info.contentType, `${at}: its type is ${stream.contentType}`);
  expect(
    JSON.stringify(stream.lifetime) === JSON.stringify(info.lifetime),
    `${at}: its lifetime is ${JSON.stringify(stream.lifetime)}, not ${
      JSON.stringify(info.lifetime)
    }`,
  );
  expect(info.closed || !wasClosed, `${at}: it was closed, and is open`);
  if (!info.closed || stream.closed) return;
  expect(
    stream.closing !== undefined || stream.spec.closed === true,
    `${at}: it is closed, and nobody asked for that`,
  );
  stream.closed = true;
}

/** What was seen after a start settles what was unknown before it. */
export function resolveUnknown(stream: ModelStream): void {
  const { closing } = stream;
  for (const op of stream.ops) {
    if (op.outcome !== "unknown") continue;
    const isClose = op === closing && op.payload.stored.length === 0;
    op.outcome = isClose && stream.closed ? "stored" : "absent";
    // What is sent again may come to stand elsewhere.
    if (op.outcome === "absent") op.start = undefined;
  }
  if (closing === undefined) return;
  expect(
    stream.closed === (closing.outcome === "stored"),
    `stream ${stream.name}: operation ${closing.id} and its closure are there both or not at all`,
  );
  if (closing.outcome === "absent") stream.closing = undefined;
}

function opAt(stream: ModelStream, bytes: Bytes, position: number): ModelOp {
  const at = `stream ${stream.name}`;
  const id = opIdAt(bytes, position);
  const op = stream.ops.find((candidate) => candidate.id === id);
  expect(op !== undefined, `${at}: what stands at ${position} was never sent to it (${id})`);
  expect(op.outcome !== "absent", `${at}: operation ${id} was not stored, and is at ${position}`);
  expect(
    standsAt(bytes, position, op.payload.stored),
    `${at}: operation ${id} is whole at ${position}`,
  );
  return op;
}

function checkOrder(at: string, ops: Iterable<ModelOp>): void {
  const producers = new Map<string, ModelOp>();
  let seq: string | undefined;
  let closed = false;
  for (const op of ops) {
    const { producer } = op.request;
    expect(!closed, `${at}: operation ${op.id} came after the closure`);
    closed = op.request.close === true;
    if (producer !== undefined) {
      const before = producers.get(producer.id)?.request.producer;
      expect(
        before === undefined || before.epoch < producer.epoch ||
          (before.epoch === producer.epoch && before.seq < producer.seq),
        `${at}: producer ${producer.id}'s batches are in their order at operation ${op.id}`,
      );
      producers.set(producer.id, op);
    }
    if (op.request.seq === undefined) continue;
    expect(seq === undefined || seq < op.request.seq, `${at}: Stream-Seq grows at ${op.id}`);
    seq = op.request.seq;
  }
}
