import assert from "node:assert/strict";
import { encodeUtf8 } from "../../../src/protocol/bytes.ts";
import { JsonFields } from "../../../src/storage/compaction/json_fields.ts";
import { MessageKeys } from "../../../src/storage/compaction/message_key.ts";

/** The key's hash as text, `undefined` where there is none. */
function keyOf(key: string, message: string): string | undefined {
  const keys = new MessageKeys(key, 1);
  const bytes = encodeUtf8(`1,\n${message},\n`);
  return keys.read(bytes, 3) ? keys.hash.join() : undefined;
}

function isDeletion(key: string, message: string): boolean {
  const keys = new MessageKeys(key, 1);
  keys.read(encodeUtf8(message), 0);
  return keys.isDeletion;
}

Deno.test("values are found by their pointers, whatever stands around them", () => {
  const values: unknown[] = [
    { a: { b: "x" }, c: [1, { d: "y" }] },
    { z: '{"a":{"b":1}}', "\\": [[]], a: { "": {}, b: '\u00e9\\"' }, c: [[], { d: null }] },
    { a: 1, c: { 1: { d: 5 } } },
    { c: [1] },
    [],
    "a",
    17,
  ];
  const fields = new JsonFields(["/a/b", "/c/1/d", "/a"]);
  const at = (value: unknown, path: string[]): unknown =>
    path.reduce(
      (found, name) =>
        typeof found === "object" && found !== null
          ? Object.getOwnPropertyDescriptor(found, name)?.value
          : undefined,
      value,
    );
  for (const value of values) {
    for (const indent of [0, 2]) {
      const text = JSON.stringify(value, undefined, indent);
      const bytes = encodeUtf8(`${text},\n`);
      fields.scan(bytes, 0);
      [["a", "b"], ["c", "1", "d"], ["a"]].forEach((path, slot) => {
        const found = fields.start(slot) < 0 ? undefined : JSON.parse(
          new TextDecoder().decode(bytes.subarray(fields.start(slot), fields.end(slot))),
        );
        assert.deepEqual(found, at(value, path), `${text} at ${path}`);
      });
    }
  }
});

Deno.test("a key is a string, a number or a boolean at the pointer; other messages have none", () => {
  const keys = ['{"id":"1"}', '{"id":1}', '{"id":true}', '{"id":false}', '{"id":""}'];
  const found = keys.map((message) => keyOf("/id", message));
  assert.ok(!found.includes(undefined));
  assert.equal(new Set(found).size, keys.length);
  for (const message of ['{"id":null}', '{"id":{}}', '{"id":[1]}', "{}", "[]", '"id"', "1"]) {
    assert.equal(keyOf("/id", message), undefined, message);
  }
});

Deno.test("a string is the same key however it is escaped, a number only as it is written", () => {
  const a = keyOf("/id", '{"id":"a\\n\u00e9"}');
  assert.equal(keyOf("/id", '{"i\\u0064" : "\\u0061\\u000a\\u00E9", "b":1}'), a);
  assert.notEqual(keyOf("/id", '{"id":"a"}'), a);
  assert.notEqual(
    keyOf("/id", '{"id":9007199254740993}'),
    keyOf("/id", '{"id":9007199254740992}'),
  );
});

Deno.test("a pointer with characters that JSON escapes finds the member of that name, and no other", () => {
  for (const name of ["a\\b", 'a"b', "a\tb", "\\u0061"]) {
    const pointer = `/${name}`;
    assert.ok(keyOf(pointer, JSON.stringify({ [name]: 1 })) !== undefined, pointer);
    assert.equal(keyOf(pointer, JSON.stringify({ "a\b": 1, a: 1 })), undefined, pointer);
  }
});

Deno.test("of two members of one name the last one counts, as where it is parsed", () => {
  assert.equal(keyOf("/a/id", '{"a":{"id":1},"a":{"id":2}}'), keyOf("/a/id", '{"a":{"id":2}}'));
  assert.equal(keyOf("/a/id", '{"a":{"id":1},"a":3}'), undefined);
});

Deno.test("by the State Protocol the key is type and key, both strings", () => {
  const key = keyOf("state", '{"type":"user","key":"1","headers":{"operation":"insert"}}');
  assert.ok(key !== undefined);
  assert.equal(keyOf("state", '{"key":"1","value":{"key":"2"},"type":"user"}'), key);
  assert.notEqual(keyOf("state", '{"type":"use","key":"r1"}'), key);
  assert.notEqual(keyOf("state", '{"type":"1","key":"user"}'), key);
  assert.equal(keyOf("state", '{"headers":{"control":"reset"}}'), undefined);
  assert.equal(keyOf("state", '{"type":"user","key":1}'), undefined);
});

Deno.test("a deletion is one by headers.operation", () => {
  assert.ok(isDeletion("state", '{"type":"a","key":"1","headers":{"operation":"delete"}}'));
  assert.ok(isDeletion("/id", '{"id":1,"headers":{"operation":"d\\u0065lete"}}'));
  assert.ok(!isDeletion("state", '{"type":"a","key":"1","headers":{"operation":"update"}}'));
  assert.ok(!isDeletion("state", '{"type":"a","key":"1","operation":"delete"}'));
});
