import { equal } from "node:assert/strict";
import { quote, StreamError } from "../../src/protocol/errors.ts";

Deno.test("a StreamError is told apart by its code and keeps its cause", () => {
  const cause = new Error("why");
  const error = new StreamError({ code: "gone" }, "It is gone.", { cause });
  equal(error.code, "gone");
  equal(error.name, "StreamError");
  equal(error.cause, cause);
});

Deno.test("text from a request is escaped and cut", () => {
  equal(quote('a"b\n'), String.raw`"a\"b\n"`);
  equal(quote("a".repeat(81)), `"${"a".repeat(80)}…"`);
  equal(quote("abc", 2), `"ab…"`);
});
