import { equal } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { DurableStream } from "@durable-streams/client";
import { inRepo } from "../tools/repo.ts";
import { CompatServer } from "./compat_server.ts";
import { COMPAT_TARGETS } from "./targets.ts";

/** Python without any package, by the program that docs/COMPATIBILITY.md shows. */

const isMissing = spawnSync("python3", ["--version"]).status !== 0 && process.env.CI !== "true";

Deno.test({
  name: "plain Python follows a stream through ends of the connection, on each runtime" +
    (isMissing ? " (skipped: needs python3)" : ""),
  ignore: isMissing,
  timeout: 60_000,
  fn: async () => {
    for (const { command } of COMPAT_TARGETS) {
      const flags = ["--sse-close-after", "200ms"];
      await using server = await CompatServer.start(await command(), flags);
      const handle = await DurableStream.create({
        url: server.streamUrl(),
        contentType: "application/json",
      });
      await handle.append('{"n":1}');
      const reader = new Deno.Command("python3", {
        args: [inRepo("tests", "compat", "python", "plain.py"), handle.url],
        stdout: "piped",
      }).spawn();
      let written = "";
      for await (const text of reader.stdout.pipeThrough(new TextDecoderStream())) {
        const isFirst = written === "";
        written += text;
        if (isFirst) await handle.append('"wörld 🌍"');
        else if (text.includes("rld")) await handle.close({ body: "3" });
      }
      equal((await reader.status).code, 0);
      equal(written, '{"n": 1}\n"w\\u00f6rld \\ud83c\\udf0d"\n3\n');
    }
  },
});
