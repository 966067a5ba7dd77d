import { equal } from "node:assert/strict";
import { Client } from "../../../src/client/client.ts";
import { chatTransport } from "../../../src/ai/chat_transport.ts";
import { collect } from "../../ai/chat_kit.ts";
import { pythonTest } from "../../support/python_package.ts";
import { runCommand } from "../../tools/command.ts";
import { inRepo } from "../../tools/repo.ts";
import { CompatServer } from "../compat_server.ts";

const SAID = "Streams outlive requests.";
const MAIN = [Deno.execPath(), "run", "-A", inRepo("main.ts")];

/** The Python client of the protocol's authors, as PyPI has it. */
const CLIENT = { requirement: "durable-streams==0.1.0", module: "durable_streams" };

Deno.test("the example without a framework prints its answer", async () => {
  await using server = await CompatServer.start(MAIN);
  const example = inRepo("examples", "chat_plain.ts");
  const command = [Deno.execPath(), "run", "-A", "-c", inRepo("deno.json"), example];
  const { code, output } = await runCommand(command, {
    limitMinutes: 1,
    env: { URL: server.url },
  });
  equal(code, 0, output);
  equal(output.trim().split("\n").at(-1), SAID);
});

pythonTest(CLIENT, "an answer that Python wrote is a page's as any other", async (python) => {
  await using server = await CompatServer.start(MAIN);
  const example = inRepo("examples", "chat_python.py");
  const command = [python, example, server.url, "python", "a1"];
  const { code, output } = await runCommand(command, { limitMinutes: 1 });
  equal(code, 0, output);
  const transport = chatTransport({ streams: new Client(server.url) });
  const stream = await transport.reconnectToStream({ chatId: "python" });
  const chunks = stream === null ? [] : await collect(stream);
  equal(chunks.map((chunk) => chunk.type === "text-delta" ? chunk.delta : "").join(""), SAID);
  equal(chunks.at(-1)?.type, "finish");
});
