import { deepEqual, equal, throws } from "node:assert/strict";
import { formatEventId, parseEventId } from "../../src/protocol/event_id.ts";
import { formatOffset } from "../../src/protocol/offset.ts";

const OFFSET = { space: 36, position: 5 };
const TOKEN = formatOffset(36, 5);

for (const closed of [false, true]) {
  Deno.test(`an id says where to go on, closed: ${closed}`, () => {
    deepEqual(parseEventId(formatEventId(TOKEN, closed)), { offset: OFFSET, isClosed: closed });
  });
}

Deno.test("the id of data is the offset itself", () => equal(formatEventId(TOKEN, false), TOKEN));

for (
  const value of [
    "x",
    "-1",
    "now",
    "7",
    "_closed",
    `${TOKEN}_closed_closed`,
    `${TOKEN}x`,
    `${TOKEN} `,
  ]
) {
  Deno.test(`${JSON.stringify(value)} is no id`, () => {
    throws(() => parseEventId(value), { code: "invalid_offset", message: /^Last-Event-ID "/ });
  });
}
