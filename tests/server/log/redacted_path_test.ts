import { equal } from "node:assert/strict";
import { redactedPath } from "../../../src/server/log/redacted_path.ts";

const CASES: readonly (readonly [url: string, path: string])[] = [
  ["http://h/v1/stream/a?offset=-1&live=sse&cursor=7", "/v1/stream/a?offset=-1&live=sse&cursor=7"],
  [
    "http://h/a?ds-p=x/*&ds-v=read&ds-exp=1&ds-kid=k&ds-sig=geheim",
    "/a?ds-p=x/*&ds-v=read&ds-exp=1&ds-kid=k&ds-sig=***",
  ],
  ["http://h/a?token=geheim&access_token=geheim&x=geheim", "/a?token=***&access_token=***&x=***"],
  ["http://h/a?%74oken=geheim&to%20ken=geheim", "/a?***&***"],
  ["http://h/a?geheim", "/a?***"],
  ["http://h/a?geheim=", "/a?geheim=***"],
  ["http://h/a?token=a=b&&offset=1", "/a?token=***&&offset=1"],
  ["http://h/a?OFFSET=geheim", "/a?OFFSET=***"],
  ["http://u:geheim@h/a#geheim", "/a"],
  ["http://h/a?offset=1#geheim", "/a?offset=1"],
  ["http://h", "/"],
];

for (const [url, path] of CASES) {
  Deno.test(`of ${url} the log shows ${path}`, () => equal(redactedPath(url), path));
}

Deno.test("a long path is shortened", () => {
  equal(redactedPath(`http://h/${"a".repeat(5_000)}`).length, 2_049);
});
