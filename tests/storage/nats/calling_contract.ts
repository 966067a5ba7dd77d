import { deepStrictEqual as equal, ok } from "node:assert/strict";
import { encodeUtf8 } from "../../../src/protocol/bytes.ts";
import { JetStreamError } from "../../../src/storage/nats/jetstream.ts";
import type { Subject, Tests } from "./jetstream_kit.ts";

const LIMIT_MS = 5000;

/** Where nobody listens but who a test lets. */
function place({ log }: Subject): string {
  return `calls.${log}`;
}

async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return "none";
  } catch (error) {
    ok(error instanceof JetStreamError);
    return error.code;
  }
}

/** What front ends ask each other, and where a log ends. */
export const CALLING: Tests = {
  "a call is answered by who serves its subject, until that ends": async (subject) => {
    const other = await subject.kit.connect();
    const at = place(subject);
    const call = (text: string) => other.call(at, encodeUtf8(text), LIMIT_MS);
    equal(await codeOf(call("a")), "unserved");
    const end = subject.port.serve(at, (payload) => Promise.resolve(payload.toReversed()));
    // Whoever is connected to another server hears of it a moment later.
    await subject.kit.until(async () => await codeOf(call("a")) === "none", "it is served");
    const answers = await Promise.all(["abc", "", "xy"].map(call));
    equal(answers.map((answer) => new TextDecoder().decode(answer)), ["cba", "", "yx"]);
    end();
    await subject.kit.until(async () => await codeOf(call("a")) === "unserved", "it isn't served");
  },

  "a call may wait long for its answer, and others don't wait with it": async (subject) => {
    const at = place(subject);
    const gate = Promise.withResolvers<void>();
    subject.port.serve(at, async (payload) => {
      if (payload.length > 1) await gate.promise;
      return payload;
    });
    const slow = subject.port.call(at, encodeUtf8("slow"), LIMIT_MS);
    equal((await subject.port.call(at, encodeUtf8("q"), LIMIT_MS)).length, 1);
    gate.resolve();
    equal((await slow).length, 4);
  },

  "a call whose handler fails has no answer, in the time that it was given": async (subject) => {
    const at = place(subject);
    subject.port.serve(at, () => Promise.reject(new Error("It fails.")));
    const call = codeOf(subject.port.call(at, encodeUtf8("a"), 300));
    let code: string | undefined;
    void call.then((found) => code = found);
    await subject.kit.until(async () => {
      await subject.kit.pass(1);
      return code !== undefined;
    }, "it is given up");
    equal(code, "unavailable");
  },

  "a log ends with its newest message, of whatever subject, be it there or not": async (
    subject,
  ) => {
    const start = await subject.port.logEnd(subject.log);
    const [, last = 0] = await subject.putMany("a", 2);
    ok(last > start);
    equal(await subject.port.logEnd(subject.log), last);
    await subject.port.purge(subject.log, subject.at("a"), last);
    equal(await subject.port.logEnd(subject.log), last);
  },
};
