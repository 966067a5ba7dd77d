import { deepStrictEqual as equal, throws } from "node:assert";
import fc from "fast-check";
import {
  AppendBatch,
  AppendedBatch,
  decodeAppended,
  decodeAppends,
} from "../../../src/storage/remote/append_wire.ts";
import type { Appended, AppendRequest } from "../../../src/storage/storage.ts";

const id = fc.nat(2 ** 32 - 1);
const integer = fc.maxSafeNat();
// A text on its way is UTF-8, which has no lone surrogates.
const text = fc.string({ unit: "grapheme", maxLength: 30 });
const plain = { noNullPrototype: true };
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });

const digits = (length: number) =>
  fc.array(fc.constantFrom(..."0123456789abcdef"), { minLength: length, maxLength: length })
    .map((chars) => chars.join("")).filter((text) => /[^0]/.test(text));

const request: fc.Arbitrary<AppendRequest> = fc.record({
  contentType: optional(text),
  body: fc.uint8Array({ maxLength: 3000 }).map((bytes) => new Uint8Array(bytes)),
  close: fc.boolean(),
  seq: optional(text),
  producer: optional(fc.record({ id: text, epoch: integer, seq: integer }, plain)),
  expectedTail: optional(
    fc.oneof(integer, fc.record({ space: integer, position: integer }, plain)),
  ),
  trace: optional(
    fc.record({ traceId: digits(32), spanId: digits(16), isSampled: fc.boolean() }, plain),
  ),
}, plain);

Deno.test("appends arrive as they were sent, however many go together", () => {
  const call = fc.record({ id, name: text, request }, plain);
  fc.assert(fc.property(fc.array(call, { maxLength: 60 }), (calls) => {
    const pack = new AppendBatch();
    for (const one of calls) pack.add(one.id, one.name, one.request);
    const bytes = pack.take();
    equal(pack.isEmpty, true);
    const arrived: { id: number; name: string; request: AppendRequest }[] = [];
    decodeAppends(bytes, (id, name, request) => arrived.push({ id, name, request }));
    equal(
      arrived.map(({ request, ...others }) => ({
        ...others,
        request: { ...request, body: new Uint8Array(request.body) },
      })),
      calls,
    );
  }));
});

Deno.test("an append with a text whose length can't be said isn't packed, and harms no other", () => {
  const body = new Uint8Array([1]);
  const pack = new AppendBatch();
  pack.add(1, "a", { body });
  // Otherwise what follows its first 4,464 bytes would be taken for appends, and the next one for a part of them.
  throws(() => pack.add(2, "a", { body, contentType: "x".repeat(70_000) }));
  pack.add(3, "b", { body });
  const arrived: [number, string][] = [];
  decodeAppends(pack.take(), (id, name) => arrived.push([id, name]));
  equal(arrived, [[1, "a"], [3, "b"]]);
});

Deno.test("results of appends arrive as they were sent", () => {
  const appended: fc.Arbitrary<Appended> = fc.record({
    space: integer,
    tail: integer,
    closed: fc.boolean(),
    duplicate: fc.boolean(),
    producer: optional(fc.record({ epoch: integer, seq: integer }, plain)),
  }, plain);
  const answer = fc.record({ id, appended }, plain);
  fc.assert(fc.property(fc.array(answer, { maxLength: 5000 }), (answers) => {
    const pack = new AppendedBatch();
    for (const one of answers) pack.add(one.id, one.appended);
    const arrived: { id: number; appended: Appended }[] = [];
    decodeAppended(pack.take(), (id, appended) => arrived.push({ id, appended }));
    equal(arrived, answers);
  }));
});
