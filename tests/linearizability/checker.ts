import { SequentialServer } from "./sequential_server.ts";
import type { Call } from "./operation.ts";

/** Orders tried for one history before it is given up as too entangled. */
const MAX_ORDERS = 200_000;

/** How a history is checked. */
export interface CheckOptions {
  /** Orders tried before it is given up as too entangled; 200,000. */
  readonly mostOrders?: number;
  /** Whether an answer is as good as the sequential server's. */
  readonly isSame?: (expected: string, answer: string) => boolean;
}

/** Whether a history could have been one request after the other. */
export type Verdict = "linearizable" | "not linearizable" | "undecided";

/**
 * Looks for an order of the calls in which a server that answers one after the other gives each call its
 * answer, and in which no call comes before one that had ended when it began (Wing and Gong's search,
 * with the states remembered that led nowhere, as Lowe has it). A call without an answer may come
 * anywhere after its beginning, and needn't.
 */
export function checkHistory(
  all: readonly Call[],
  { mostOrders = MAX_ORDERS, isSame = (a, b) => a === b }: CheckOptions = {},
): Verdict {
  // Those whose answer came first are tried first, and those without one only where nothing else fits.
  const calls = [...all].sort((a, b) => a.end - b.end);
  const answered = calls.filter(({ response }) => response !== undefined).length;
  const names = [...new Set(calls.flatMap(({ operation }) => namesOf(operation)))].sort();
  const isDone = new Array<boolean>(calls.length).fill(false);
  const order: Call[] = [];
  let answeredInOrder = 0;
  const seen = new Set<string>();
  let orders = 0;

  const search = (): boolean => {
    if (answeredInOrder === answered) return true;
    const state = replay(order).fingerprint(names);
    const key = `${isDone.map(Number).join("")} ${state}`;
    if (seen.has(key) || orders++ > mostOrders) return false;
    seen.add(key);
    const firstEnd = Math.min(...calls.filter((_, i) => !isDone[i]).map(({ end }) => end));
    for (const [i, call] of calls.entries()) {
      if (isDone[i] || call.start > firstEnd) continue;
      const server = replay(order);
      const isAnswered = call.response !== undefined;
      const response = server.respond(call.operation);
      const isExplained = isAnswered
        ? isSame(response, call.response ?? "")
        : server.fingerprint(names) !== state;
      if (!isExplained) continue;
      isDone[i] = true;
      order.push(call);
      if (isAnswered) answeredInOrder++;
      if (search()) return true;
      if (isAnswered) answeredInOrder--;
      order.pop();
      isDone[i] = false;
    }
    return false;
  };

  if (search()) return "linearizable";
  return orders > mostOrders ? "undecided" : "not linearizable";
}

/** A contradiction with as few calls as it takes: what only looks is left out where that may be. */
export function shortenHistory(
  calls: readonly Call[],
  options: CheckOptions = {},
): readonly Call[] {
  let shortest = calls;
  for (const call of calls) {
    if (call.operation.kind !== "head" && call.operation.kind !== "read") continue;
    const without = shortest.filter((each) => each !== call);
    if (checkHistory(without, options) === "not linearizable") shortest = without;
  }
  return shortest;
}

function replay(order: readonly Call[]): SequentialServer {
  const server = new SequentialServer();
  for (const { operation } of order) server.respond(operation);
  return server;
}

function namesOf(operation: Call["operation"]): string[] {
  return "source" in operation ? [operation.name, operation.source] : [operation.name];
}
