import { equal } from "node:assert/strict";
import { isIgnored } from "../../src/env/ignored_signals.ts";

Deno.test("whether a signal is ignored is its bit of what Linux says", () => {
  const status = (mask: string) => `Name:\tdeno\nSigBlk:\tffffffffffffffff\nSigIgn:\t${mask}\n`;
  equal(isIgnored(status("0000000000000001"), 1), true);
  equal(isIgnored(status("0000000000001000"), 1), false);
  equal(isIgnored(status("0000000000001000"), 13), true);
  equal(isIgnored("Name:\tdeno\n", 1), false);
});
