import { equal } from "node:assert/strict";
import { isControlled } from "../../src/env/controlling_terminal.ts";

Deno.test("whether a terminal controls a process is what Linux says, whatever the program's name", () => {
  equal(isControlled("812 (deno) S 811 812 811 34816 812 4194304 1"), true);
  equal(isControlled("812 (deno) S 811 812 811 0 -1 4194304 1"), false);
  equal(isControlled("812 (a) S 1 1 1 7 (b) S 811 812 811 0 -1 4194304"), false);
  equal(isControlled(""), false);
});
