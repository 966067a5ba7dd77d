import { encodeUtf8, NO_BYTES } from "../../../src/protocol/bytes.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { checkHistory, shortenHistory } from "../../linearizability/checker.ts";
import { drawOperation } from "../../linearizability/history.ts";
import { type Call, describeCall, type Operation } from "../../linearizability/operation.ts";
import type { Random } from "../../support/random.ts";
import { Violation } from "../history/violation.ts";
import { type Answer, askOf } from "./answer.ts";
import type { FrontEnd } from "./front_end.ts";
import type { NatsWorld } from "./nats_world.ts";

const CLIENTS = 4;
const CALLS = 7;
const TEXT = "text/plain";
/** Orders tried for one history before it is given up. */
const MOST_ORDERS = 10_000;
const MORE_THAN_ALL = 1 << 24;

/**
 * Some clients do things at once, each through any front end, and afterwards everything is looked at: an
 * order of their calls has to explain every answer. Returns whether that was too entangled to be said.
 */
export async function runLinearHistory(world: NatsWorld): Promise<"linearizable" | "undecided"> {
  const { random } = world;
  const names = random.pick([["a"], ["a"], ["a", "b"]]);
  const calls: Call[] = [];
  const clients = Array.from({ length: CLIENTS }, (_, number) => {
    const chances = random.split();
    const operations = Array.from(
      { length: CALLS },
      (_, i) => withoutWaiting(drawOperation(chances, names, `<${number}.${i}>`, i)),
    );
    return client(world, number, operations, chances, calls);
  });
  await world.drive(Promise.all(clients), "answers");
  world.heal();
  await world.drive(lookAround(world, names, calls), "the last answers");
  const told = calls
    .filter((call) => isOfUse(call))
    .sort((a, b) => a.start - b.start);
  // Mostly that is so, and quickly found.
  const options = { mostOrders: MOST_ORDERS };
  if (checkHistory(told, options) === "linearizable") return "linearizable";
  const steps = told.flatMap((call, i) => inSteps(call, i));
  const lenient = { ...options, isSame: isSameUpToGone };
  const verdict = checkHistory(steps, lenient);
  if (verdict !== "not linearizable") return verdict;
  const lines = shortenHistory(steps, lenient).map(describeCall).join("\n");
  throw new Violation(`No order of these calls explains their answers:\n${lines}`);
}

async function client(
  world: NatsWorld,
  number: number,
  operations: readonly Operation[],
  random: Random,
  calls: Call[],
): Promise<void> {
  try {
    for (const operation of operations) {
      world.maybeDisturb();
      await call(world, number, operation, world.pickFrontEnd(random), calls);
    }
  } catch (error) {
    world.fail(error);
  }
}

/** What is there in the end, seen through each front end and through a new one. */
async function lookAround(
  world: NatsWorld,
  names: readonly string[],
  calls: Call[],
): Promise<void> {
  world.openFrontEnd();
  await world.opened();
  for (const frontEnd of world.frontEnds) {
    for (const name of names) {
      const read = { kind: "read", name, from: 0, live: false } as const;
      for (const operation of [{ kind: "head", name } as const, read]) {
        const response = await call(world, 100, operation, frontEnd, calls);
        if (response !== undefined) continue;
        throw new Violation(`${operation.kind} ${name} isn't answered though nothing fails`);
      }
    }
  }
}

async function call(
  world: NatsWorld,
  client: number,
  operation: Operation,
  frontEnd: FrontEnd,
  calls: Call[],
): Promise<string | undefined> {
  const start = world.nextEvent();
  const { kind, name, ...rest } = operation;
  const what = `client ${client}, front end ${frontEnd.number}: ${kind} ${name} ${
    JSON.stringify(rest)
  }`;
  world.note(what);
  const timeout = world.clientTimeout(world.random);
  const answer = await askOf(frontEnd, timeout, (storage) => carryOut(storage, operation));
  const response = wordsOf(answer);
  const end = world.nextEvent();
  world.note(`${what} -> ${response ?? JSON.stringify(answer)}`);
  calls.push({ client, operation, start, end: response === undefined ? Infinity : end, response });
  return response;
}

/**
 * A fork isn't made in one step: it holds on to its source as it is at a moment of the call, and gets its name
 * at another one, if it does. Meanwhile a source that is deleted is only softly deleted.
 */
function inSteps(call: Call, fork: number): Call[] {
  const { operation } = call;
  if (operation.kind !== "fork") return [call];
  const { name, source } = operation;
  const step = { kind: "fork_step", fork, name, source } as const;
  const hidden = { ...call, end: Infinity, response: undefined };
  return [
    { ...hidden, operation: { ...step, step: "hold" } },
    { ...hidden, operation: { ...step, step: "release" } },
    { ...call, operation: { ...step, step: "bind" } },
  ];
}

/** Nor does it end in one step: its source may be softly deleted for a while after its last fork has gone. */
function isSameUpToGone(expected: string, answer: string): boolean {
  return expected === answer || expected === "not_found" && answer === "gone";
}

/** Storages don't wait for news: the server does. */
function withoutWaiting(operation: Operation): Operation {
  return operation.kind === "read" ? { ...operation, live: false } : operation;
}

/** A question without an answer tells nothing. */
function isOfUse({ operation, response }: Call): boolean {
  return response !== undefined || operation.kind !== "head" && operation.kind !== "read";
}

function wordsOf(answer: Answer<string>): string | undefined {
  if (answer.kind === "done") return answer.result;
  return answer.kind === "refused" ? answer.error.code : undefined;
}

/** Carries out an operation; its answer in the model's words. */
async function carryOut(storage: Storage, operation: Operation): Promise<string> {
  const { name } = operation;
  switch (operation.kind) {
    case "create": {
      const { closed, text } = operation;
      const body = text === "" ? {} : { body: encodeUtf8(text) };
      const { created, tail } = await storage.create(name, { contentType: TEXT, closed, ...body });
      return `${created ? 201 : 200} ${tail}`;
    }
    case "fork": {
      const { created, tail } = await storage.create(name, { fork: { source: operation.source } });
      return `${created ? 201 : 200} ${tail}`;
    }
    case "fork_step":
      throw new Error("A fork's steps are the storage's own.");
    case "append": {
      const { messages, ...request } = operation.request;
      const body = messages.length === 0 ? NO_BYTES : encodeUtf8(messages.join(""));
      const sent = { ...request, body, ...(messages.length === 0 ? {} : { contentType: TEXT }) };
      const { tail, duplicate } = await storage.append(name, sent);
      const isNewBatch = request.producer !== undefined && !duplicate && messages.length > 0;
      return `${isNewBatch ? 200 : 204} ${tail}`;
    }
    case "delete":
      await storage.delete(name);
      return "204";
    case "head": {
      const { tail, closed } = await storage.head(name);
      return `200 ${tail} ${closed}`;
    }
    case "read": {
      const { data, next } = await storage.read(name, operation.from, MORE_THAN_ALL);
      return `200 ${next} ${new TextDecoder().decode(data)}`;
    }
  }
}
