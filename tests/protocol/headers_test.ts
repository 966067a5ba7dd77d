import { equal } from "node:assert/strict";
import { isTrue } from "../../src/protocol/headers.ts";

for (const value of ["true", "TRUE", "True"]) {
  Deno.test(`Stream-Closed: ${value} closes`, () => equal(isTrue(value), true));
}

for (const value of ["false", "yes", "1", "", " true", "true,true", "truе", null, undefined]) {
  Deno.test(`Stream-Closed: ${JSON.stringify(value)} counts as absent`, () => {
    equal(isTrue(value), false);
  });
}
