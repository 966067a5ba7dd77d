import type { Bytes } from "../../../protocol/bytes.ts";
import { type Failure, StreamError } from "../../../protocol/errors.ts";
import {
  AppendBatch,
  AppendedBatch,
  decodeAppended,
  decodeAppends,
} from "../../remote/append_wire.ts";
import type { Appended, AppendRequest } from "../../storage.ts";
import { type JsonFields, readObject } from "../../subscriptions/json_fields.ts";
import { FrameReader, FrameWriter, MalformedFrame } from "../format/binary.ts";
import { KIND } from "../format/kinds.ts";

/**
 * Appends that one front end sends to another, and what became of them: never stored. Both are of the same
 * version of the program, but for the minutes of an upgrade: what isn't understood isn't answered.
 */
export interface AppendCall {
  /** Who sends them, and which one of its calls it is. */
  readonly frontEnd: number;
  readonly call: number;
  /** The stream: its name alone may be another one's by now. */
  readonly name: string;
  readonly id: number;
  /** Of its own messages, and of those with what it sent, the sender knows all up to this one. */
  readonly sinceSequence: number;
  readonly requests: readonly AppendRequest[];
}

/** What became of one append. */
export type ForwardedOutcome =
  | { readonly kind: "appended"; readonly appended: Appended }
  /** It changed nothing and never will. */
  | { readonly kind: "refused"; readonly error: StreamError }
  /** It was not decided, and never will be by this call. */
  | { readonly kind: "not_taken" }
  /** It may be stored. */
  | { readonly kind: "unknown" };

/** The answer to an {@link AppendCall}. */
export interface AppendAnswer {
  /** The newest message in which any of them is, or less. */
  readonly sequence: number;
  /** Who would take them rather; 0: nobody. */
  readonly hint: number;
  /** Whether others append there, too. */
  readonly isContended: boolean;
  /** One for each request, in their order. */
  readonly outcomes: readonly ForwardedOutcome[];
}

/** Nothing is awaited between filling and emptying them. */
const requestPack = new AppendBatch();
const answerPack = new AppendedBatch();

const CONTENDED = 1;

/** What a refusal may be that says nothing beside its code: all that rests on the stream and the request. */
const PLAIN = [
  "content_type_mismatch",
  "invalid_header",
  "invalid_json",
  "empty_body",
  "invalid_offset",
  "epoch_start",
  "too_many_producers",
] as const;
const CODES = [
  "stream_closed",
  "sequence_regression",
  "offset_mismatch",
  "stale_epoch",
  "sequence_gap",
  ...PLAIN,
] as const;

/** The bytes of a call. */
export function encodeAppendCall(call: AppendCall): Bytes {
  for (const [i, request] of call.requests.entries()) requestPack.add(i, "", request);
  return new FrameWriter(KIND.appendCall)
    .u53(call.frontEnd)
    .u53(call.call)
    .u53(call.id)
    .u53(call.sinceSequence)
    .text(call.name)
    .bytes(new Uint8Array(requestPack.take()))
    .seal();
}

/** @throws {MalformedFrame | RangeError} where it is none */
export function decodeAppendCall(bytes: Bytes): AppendCall {
  const reader = readerOf(bytes, KIND.appendCall, 0);
  const frontEnd = reader.u53();
  const call = reader.u53();
  const id = reader.u53();
  const sinceSequence = reader.u53();
  const name = reader.text();
  const pack = reader.bytes();
  reader.end();
  const requests: AppendRequest[] = [];
  decodeAppends(pack.buffer, (_id, _name, request) => requests.push(request));
  return { frontEnd, call, name, id, sinceSequence, requests };
}

/** The bytes of an answer. */
export function encodeAppendAnswer(answer: AppendAnswer): Bytes {
  const refused: Record<string, unknown>[] = [];
  const unknown: number[] = [];
  for (const [index, outcome] of answer.outcomes.entries()) {
    if (outcome.kind === "appended") answerPack.add(index, outcome.appended);
    else if (outcome.kind === "refused") {
      const { failure, message } = outcome.error;
      refused.push({ index, message, ...failure });
    } else if (outcome.kind === "unknown") unknown.push(index);
  }
  return new FrameWriter(KIND.appendAnswer, answer.isContended ? CONTENDED : 0)
    .u53(answer.sequence)
    .u53(answer.hint)
    .u32(answer.outcomes.length)
    .text(JSON.stringify({ refused, unknown }))
    .bytes(new Uint8Array(answerPack.take()))
    .seal();
}

/**
 * @param count how many appends were sent
 * @throws {MalformedFrame | SyntaxError | RangeError} where it is none
 */
export function decodeAppendAnswer(bytes: Bytes, count: number): AppendAnswer {
  const reader = readerOf(bytes, KIND.appendAnswer, CONTENDED);
  const sequence = reader.u53();
  const hint = reader.u53();
  if (reader.u32() !== count) throw new MalformedFrame("it answers another number of appends");
  const json = reader.text();
  const pack = reader.bytes();
  reader.end();
  const outcomes: ForwardedOutcome[] = new Array<ForwardedOutcome>(count).fill({
    kind: "not_taken",
  });
  decodeAppended(pack.buffer, (index, appended) => {
    outcomes[index] = { kind: "appended", appended };
  });
  const rest = readObject(JSON.parse(json), (fields) => ({
    refused: fields.list("refused", (each) => readObject(each, readRefusal)),
    unknown: fields.list("unknown", Number),
  }));
  for (const { index, error } of rest.refused) outcomes[index] = { kind: "refused", error };
  for (const index of rest.unknown) outcomes[index] = { kind: "unknown" };
  return { sequence, hint, isContended: (reader.flags & CONTENDED) !== 0, outcomes };
}

/** Whether an error says that an append changed nothing and never will, wherever it is decided. */
export function isRefusal(error: unknown): error is StreamError {
  return error instanceof StreamError && CODES.some((code) => code === error.code);
}

/** A flag that isn't known may be a newer version's, and change what all else means. */
function readerOf(bytes: Bytes, kind: number, knownFlags: number): FrameReader {
  const reader = new FrameReader(bytes);
  if (reader.kind !== kind) throw new MalformedFrame(`it is of the kind ${reader.kind}`);
  if ((reader.flags & ~knownFlags) !== 0) throw new MalformedFrame(`its flags are ${reader.flags}`);
  return reader;
}

function readRefusal(fields: JsonFields): { index: number; error: StreamError } {
  const index = fields.integer("index");
  const message = fields.text("message");
  return { index, error: new StreamError(readFailure(fields), message) };
}

function readFailure(fields: JsonFields): Failure {
  const code = fields.oneOf("code", CODES);
  const integer = (key: string) => fields.integer(key);
  switch (code) {
    case "stream_closed": {
      const place = { code, space: integer("space"), tail: integer("tail") };
      if (!fields.has("producer")) return place;
      const producer = fields.object("producer", (state) => ({
        epoch: state.integer("epoch"),
        seq: state.integer("seq"),
      }));
      return { ...place, producer };
    }
    case "sequence_regression":
    case "offset_mismatch":
      return { code, space: integer("space"), tail: integer("tail") };
    case "stale_epoch":
      return { code, epoch: integer("epoch") };
    case "sequence_gap":
      return { code, expected: integer("expected"), received: integer("received") };
    default:
      return { code };
  }
}
