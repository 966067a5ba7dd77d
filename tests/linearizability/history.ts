import { Random } from "../support/random.ts";
import { carryOut, type Send } from "./client.ts";
import type { Call, Operation } from "./operation.ts";

const NAMES = ["a", "b"];
const CLIENTS = 5;
const CALLS = 7;
const PRODUCERS = ["p", "q"];

/** Where a history takes place. */
export interface HistoryTarget {
  readonly send: Send;
  /** Of this history's own, so that it meets no other's streams. */
  readonly prefix: string;
  /** Whether a call may be without an answer: its error is, then. */
  readonly mayFail?: boolean;
}

/** Lets clients do what the seed says, all at once; what each of them did and was answered. */
export async function runClients(
  seed: number,
  { send, prefix, mayFail = false }: HistoryTarget,
): Promise<Call[]> {
  const random = new Random(seed);
  const calls: Call[] = [];
  let events = 0;
  const client = async (number: number, operations: readonly Operation[]) => {
    for (const operation of operations) {
      const start = events++;
      const response = await carryOut(send, prefix, operation).catch((error: unknown) => {
        if (!mayFail) throw error;
      });
      const end = response === undefined ? Infinity : events++;
      calls.push({ client: number, operation, start, end, response: response ?? undefined });
    }
  };
  const names = random.chance(0.5) ? NAMES.slice(0, 1) : NAMES;
  const programs = Array.from(
    { length: CLIENTS },
    (_, number) =>
      Array.from({ length: CALLS }, (_, i) => drawOperation(random, names, `<${number}.${i}>`, i)),
  );
  await Promise.all(programs.map((operations, number) => client(number, operations)));
  return calls.sort((a, b) => a.start - b.start);
}

/** What a client does as its call number `i`; the text is this call's own. */
export function drawOperation(
  random: Random,
  names: readonly string[],
  text: string,
  i: number,
): Operation {
  const name = random.pick(names);
  const kind = i === 0 ? random.below(30) : random.below(100);
  if (kind < 18) {
    const closed = random.chance(0.05);
    return { kind: "create", name, text: random.chance(0.5) ? text : "", closed };
  }
  if (kind < 24) return { kind: "fork", name, source: random.pick(names) };
  if (kind < 62) return append(random, name, text);
  if (kind < 70) return { kind: "delete", name };
  if (kind < 80) return { kind: "head", name };
  const from = random.pick([0, 0, 0, 5, 10, 15]);
  return { kind: "read", name, from, live: random.chance(0.3) };
}

function append(random: Random, name: string, text: string): Operation {
  const close = random.chance(0.08);
  const request = {
    messages: close && random.chance(0.5) ? [] : [text],
    close,
    seq: random.chance(0.15) ? random.pick(["1", "2", "3"]) : undefined,
    producer: random.chance(0.4)
      ? { id: random.pick(PRODUCERS), epoch: random.below(2), seq: random.below(3) }
      : undefined,
    expectedTail: random.chance(0.15) ? random.pick([0, 5, 10]) : undefined,
  };
  return { kind: "append", name, request };
}
