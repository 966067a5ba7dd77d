import { equal } from "node:assert/strict";
import { DurableStream } from "@durable-streams/client";
import { inRepo } from "../tools/repo.ts";
import { CompatServer } from "./compat_server.ts";

/**
 * Has a program follow a stream of a server whose connections end again and again, while it is written to.
 *
 * @param server the command that starts it
 * @param program and its arguments, before the stream's address; run in tests/compat
 * @returns what the program has written
 */
export async function followPlainly(
  server: readonly string[],
  [program = "", ...args]: readonly string[],
): Promise<string> {
  await using started = await CompatServer.start(server, ["--sse-close-after", "200ms"]);
  const handle = await DurableStream.create({
    url: started.streamUrl(),
    contentType: "application/json",
  });
  await handle.append('{"n":1}');
  const reader = new Deno.Command(program, {
    args: [...args, handle.url],
    cwd: inRepo("tests", "compat"),
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
  return written;
}
