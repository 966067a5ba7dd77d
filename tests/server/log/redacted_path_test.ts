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
  // Links that were copied badly.
  ["http://h/a?ds-p=a;ds-exp=1;ds-sig=geheim", "/a?ds-p=a;ds-exp=1;ds-sig=***"],
  ["http://h/a?offset=-1%26ds-sig%3Dgeheim&live=sse", "/a?offset=-1%26ds-sig%3D***&live=sse"],
  ["http://h/a%3Fds-p=a&DS-SIG=geheim", "/a%3Fds-p=a&DS-SIG=***"],
  ["http://h/a?ds-p=a&amp;ds-sig=geheim", "/a?ds-p=a&***"],
  [
    `http://h/ds_${"Geheim-".repeat(6)}x?prefix=ds_${"Geheim_".repeat(6)}x`,
    "/ds_***?prefix=ds_***",
  ],
  ["http://h/a?offset=1#geheim", "/a?offset=1"],
  ["http://h", "/"],
];

for (const [url, path] of CASES) {
  Deno.test(`of ${url} the log shows ${path}`, () => equal(redactedPath(url), path));
}

Deno.test("a long path is shortened", () => {
  equal(redactedPath(`http://h/${"a".repeat(5_000)}`).length, 2_049);
});
