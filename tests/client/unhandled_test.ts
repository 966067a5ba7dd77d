import { equal } from "node:assert/strict";
import { bundleClient } from "../../tools/client_size.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { runCommand } from "../tools/command.ts";

/** Everything that may reject, and that nobody awaits. */
const PROGRAM = `
import { Client, fetchTransport } from "./client.mjs";
const answers = { first: () => new Response(null, { headers: { "stream-next-offset": "1" } }) };
const statuses = [];
const fetch = () => {
  statuses.push(0);
  return statuses.length === 1 && process.argv[2] === "late"
    ? answers.first()
    : new Response("no", { status: 400 });
};
const client = new Client("http://localhost/v1/stream", { transport: fetchTransport({ fetch }) });
let told = 0;
const producer = client.producer("s", {
  id: "p",
  contentType: process.argv[3] === "asked" ? undefined : "text/plain",
  maxBufferedBytes: 600,
  maxBatchMessages: 1,
  onError: process.argv[4] === "untold" ? undefined : () => told++,
});
const turn = async () => {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 0));
};
const all = () => {
  for (let i = 0; i < 5; i++) producer.send("x".repeat(100));
  producer.send(new Blob(["x"]));
  producer.sendJson(1);
  producer.flush();
};
all();
await turn();
all();
producer.closeStream();
producer.close();
await turn();
const chunks = producer.writable().getWriter();
chunks.closed.catch(() => {});
chunks.write("x").catch(() => {});
await turn();
console.log(\`told \${told}\`);
`;

async function run(command: readonly string[], args: readonly string[]) {
  return await withTempDir(async (dir) => {
    await Deno.writeFile(`${dir}/client.mjs`, await bundleClient());
    await Deno.writeTextFile(`${dir}/program.mjs`, `import process from "node:process";${PROGRAM}`);
    return await runCommand([...command, `${dir}/program.mjs`, ...args], { limitMinutes: 1 });
  });
}

const RUNTIMES: readonly [string, readonly string[]][] = [
  ["Node", ["node"]],
  ["Deno", [Deno.execPath(), "run", "-A", "--no-config"]],
];

for (const [runtime, command] of RUNTIMES) {
  for (const args of [["at once", "given"], ["late", "given"], ["at once", "asked"]]) {
    const name = `${runtime}: a producer with onError that fails ${args.join(", type ")}`;
    Deno.test(`${name} leaves no rejection that nobody handles`, async () => {
      const { code, output } = await run(command, args);
      equal(output.trim(), "told 1");
      equal(code, 0);
    });
  }

  Deno.test(`${runtime}: without onError a failure that nobody awaits is reported by the runtime`, async () => {
    const { code, output } = await run(command, ["at once", "given", "untold"]);
    equal(code, 1, output);
  });
}
