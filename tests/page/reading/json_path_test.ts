import { equal, throws } from "node:assert/strict";
import { parseCondition } from "../../../src/page/reading/json_path.ts";

const MESSAGE = new TextEncoder().encode(
  `{"user":{"name":"Ada","äge":36},"tags":["x","y"],"level":40,"ok":true,"none":null,"a b":1}`,
);

const TAKEN = [
  `user.name == "Ada"`,
  `$.user.name = 'Ada'`,
  `user.name ~ "ad"`,
  `user.name`,
  `user.äge >= 36`,
  `level > 39 && ok == true`,
  `tags[1] == "y"`,
  `tags[*] == "x"`,
  `user.* == 36`,
  `none == null`,
  `["a b"] == 1`,
  `user.name != "ada && bob"`,
  `user.name == Ada`,
  `$`,
];
const NOT_TAKEN = [
  `user.name == "ada"`,
  `user.nobody`,
  `level < 40`,
  `level == "40"`,
  `tags[2]`,
  `level.deeper`,
  `user == "Ada"`,
  `ok == true && level > 40`,
];

Deno.test("a condition takes the messages that it says", () => {
  for (const text of TAKEN) equal(parseCondition(text)(MESSAGE), true, text);
  for (const text of NOT_TAKEN) equal(parseCondition(text)(MESSAGE), false, text);
});

Deno.test("a condition that can't be read says why", () => {
  throws(() => parseCondition(`== 1`), /A path is missing in “== 1”/);
  throws(() => parseCondition(`a.b ? 1`), /after the path comes ==/);
  throws(() => parseCondition(`a ==`), /A value is missing/);
  throws(() => parseCondition(`a == "x`), /has no end/);
  throws(() => parseCondition(`a == 1 && `), /A path is missing/);
});

Deno.test("a value that isn't JSON's kind of text is no error", () => {
  equal(parseCondition("a")(new TextEncoder().encode(`"only text"`)), false);
  equal(parseCondition(`$ ~ "only"`)(new TextEncoder().encode(`"only text"`)), true);
});

Deno.test("whole numbers that a double can't hold are compared digit for digit", () => {
  const takes = (condition: string, message: string) =>
    parseCondition(condition)(new TextEncoder().encode(message));
  const id = `{"id":1234567890123456789}`;
  equal(takes("id == 1234567890123456789", id), true);
  equal(takes("id == 1234567890123456788", id), false);
  equal(takes("id != 1234567890123456788", id), true);
  equal(takes("id > 1234567890123456788 && id < 1e19", id), true);
  equal(takes("id == 100000000000000000000", `{"id":1e20}`), true);
  equal(takes(`id == "1234567890123456789"`, id), false);
});
