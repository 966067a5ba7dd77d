import { encodeUtf8 } from "../../src/protocol/bytes.ts";
import { StreamError } from "../../src/protocol/errors.ts";
import type { Appended, AppendRequest, CreateSpec, Storage } from "../../src/storage/storage.ts";
import { yieldToEventLoop } from "../support/event_loop.ts";
import { Machine } from "../support/simulation/machine.ts";
import { Random } from "../support/random.ts";

const TEXT = "text/plain";

/** A machine whose chances come from this seed. */
export function machine(seed = 1, options: { dir?: string; hasBarrier?: boolean } = {}): Machine {
  return new Machine(new Random(seed), options);
}

/** Creates a stream of text. */
export async function put(
  storage: Storage,
  name: string,
  text = "",
  spec: CreateSpec = {},
): Promise<void> {
  const body = text === "" ? {} : { body: encodeUtf8(text) };
  await storage.create(name, { contentType: TEXT, ...body, ...spec });
}

/** Appends text. */
export function post(
  storage: Storage,
  name: string,
  text: string,
  request: Partial<AppendRequest> = {},
): Promise<Appended> {
  return storage.append(name, { contentType: TEXT, body: encodeUtf8(text), ...request });
}

/** A stream's text from its start to its tail. */
export async function get(storage: Storage, name: string): Promise<string> {
  let text = "";
  for (let at = 0;;) {
    const { data, next, tail } = await storage.read(name, at, 1_000_000);
    text += new TextDecoder().decode(data);
    at = next;
    if (at >= tail) return text;
  }
}

/** The code that a call is refused with; `done` where it isn't. */
export async function outcome(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return "done";
  } catch (error) {
    return error instanceof StreamError ? error.code : String(error);
  }
}

/** Lets everything go on that goes on by itself. */
export async function rest(turns = 300): Promise<void> {
  for (let i = 0; i < turns; i++) await yieldToEventLoop();
}

/** Lets a checkpoint begin, and waits until it has ended one way or the other. */
export async function checkpoint(on: Machine): Promise<void> {
  on.clock.advance(30_000);
  await rest();
}

/** The outcome of a call, while the time goes on for as long as it takes. */
export async function inTime(on: Machine, call: Promise<unknown>): Promise<string> {
  let found: string | undefined;
  outcome(call).then((code) => found = code);
  for (let turns = 0; found === undefined; turns++) {
    if (turns > 3000) return "nothing";
    if (turns % 50 === 49) on.clock.advance(1000);
    await yieldToEventLoop();
  }
  return found;
}
