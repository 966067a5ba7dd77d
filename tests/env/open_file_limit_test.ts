import { equal, ok } from "node:assert/strict";
import { openFileLimit, parseOpenFileLimit } from "../../src/env/open_file_limit.ts";

const LIMITS = `Limit                     Soft Limit           Hard Limit           Units
Max processes             95964                95964                processes
Max open files            1024                 524288               files
Max locked memory         unlimited            unlimited            bytes
`;

Deno.test("the limit on open files is the soft one", () => {
  equal(parseOpenFileLimit(LIMITS), 1024);
  equal(parseOpenFileLimit(LIMITS.replace("1024  ", "unlimited")), Infinity);
  equal(parseOpenFileLimit("nothing of the kind"), undefined);
});

Deno.test("this process's own limit is a number of files, or isn't known", () => {
  const limit = openFileLimit();
  ok(limit === undefined || limit >= 16, String(limit));
});
