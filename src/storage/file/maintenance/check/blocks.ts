import { isMessageEnd, messageEnds } from "../../../../protocol/json.ts";
import { BLOCK_COLUMNS, toBlockRow } from "../../catalog/block_rows.ts";
import type { BlockRow } from "../../catalog/catalog.ts";
import type { SqlRow } from "../../catalog/schema.ts";
import { asNumbers, wrongChecksum } from "../scan/table_rows.ts";
import { rowFinding } from "./catalog.ts";
import type { AffectedStream, Finding } from "./finding.ts";

/** How far what is held of a stream was looked at. */
export interface HeldSoFar {
  /** Offset after it. */
  readonly next: number;
  /** How many messages of its own the stream has up to there, where that is known. */
  readonly messages: number | undefined;
}

/** A small stream, whose blocks lie in the catalogue. */
export interface BlocksFrame {
  /** The catalogue's. */
  readonly path: string;
  readonly affected: AffectedStream;
  readonly isJson: boolean;
  /** What lies before the blocks. */
  readonly before: HeldSoFar;
  /** The finding where they don't go on there; `undefined` where they needn't. */
  gapAt(next: number, base: number): Finding | undefined;
}

/**
 * Checks a stream's rows of `block`: each as it was written, of as many bytes as its offsets say, each where
 * the one before ends, of no earlier time and counting on.
 *
 * @returns how far they go
 */
export function* checkBlocks(
  rows: Iterable<SqlRow>,
  { path, affected, isJson, before, gapAt }: BlocksFrame,
): Generator<Finding, HeldSoFar> {
  let { next, messages } = before;
  let atMs = 0;
  for (const row of rows) {
    const wrong = wrongChecksum(row, BLOCK_COLUMNS);
    if (wrong !== undefined) {
      const message = `the row of the block at ${Number(row.base)} fails its checksum`;
      yield { ...rowFinding("block_row", path, message, wrong), stream: affected };
      messages = undefined;
      continue;
    }
    const block = toBlockRow(asNumbers(row), path);
    if (block.base !== next) {
      const gap = gapAt(next, block.base);
      if (gap !== undefined) yield gap;
      messages = undefined;
    }
    const fault = faultOf(block, { isJson, atMs, messages });
    if (fault !== undefined) {
      const range = { from: block.base, to: block.end };
      yield { ...rowFinding("block_row", path, ...fault), stream: affected, range };
    }
    ({ end: next, atMs, messages } = block);
  }
  return { next, messages };
}

type Fault = [message: string, found: { expected: string; found: string }];

/** What is wrong with a block that checks: a program wrote it so. */
function faultOf(
  { base, end, atMs, messages, body }: BlockRow,
  before: {
    readonly isJson: boolean;
    readonly atMs: number;
    readonly messages?: number | undefined;
  },
): Fault | undefined {
  if (end <= base || end - base !== body.length) {
    return [`the block at ${base} isn't as long as its offsets say`, {
      expected: `${end - base} bytes, and one at least`,
      found: `${body.length}`,
    }];
  }
  if (before.isJson && !isMessageEnd(body.at(-2), body.at(-1))) {
    return [`the block at ${base} of a JSON stream doesn't end with a message`, {
      expected: "a comma and a line feed",
      found: `the bytes ${body.at(-2)} and ${body.at(-1)}`,
    }];
  }
  if (atMs < before.atMs) {
    return [`the block at ${base} is of a time before that of the block before it`, {
      expected: `a time from ${before.atMs} on`,
      found: `${atMs}`,
    }];
  }
  if (before.messages === undefined) return undefined;
  const least = before.messages + (before.isJson ? messageEnds(body).length : 0);
  if (before.isJson ? messages === least : messages >= least) return undefined;
  return [`the block at ${base} doesn't count its messages`, {
    expected: before.isJson ? `${least} messages up to its end` : `${least} messages or more`,
    found: `${messages}`,
  }];
}
