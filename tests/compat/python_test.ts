import { deepEqual, equal } from "node:assert/strict";
import { pythonTest } from "../support/python_package.ts";
import { runCommand } from "../tools/command.ts";
import { inRepo } from "../tools/repo.ts";
import { CompatServer } from "./compat_server.ts";
import { COMPAT_TARGETS } from "./targets.ts";

/** The Python client of the protocol's authors, as PyPI has it. */

const CLIENT = { requirement: "durable-streams==0.1.0", module: "durable_streams" };

pythonTest(
  CLIENT,
  "Python's client writes, reads, follows and fails as it says, on each runtime",
  async (python) => {
    const script = inRepo("tests", "compat", "python", "roundtrip.py");
    for (const { name, command } of COMPAT_TARGETS) {
      await using server = await CompatServer.start(await command());
      const { code, output } = await runCommand([python, script, server.url], { limitMinutes: 1 });
      equal(code, 0, `${name}: ${output}`);
      const items = [{ n: 0 }, { n: 1 }, { n: 2 }];
      const polled = { last: "long-poll" };
      deepEqual(JSON.parse(output), {
        json: {
          offset: true,
          items,
          after: [],
          live: {
            "long-poll": [...items, polled],
            "sse": [...items, polled, { last: "sse" }],
          },
        },
        other: { text: "wörld 🌍\n\nsecond\n", bytes: true },
        errors: { seq: true, exists: true, missing: true },
        async: true,
      }, name);
    }
  },
);
