/**
 * Fills a directory, starts the program on it, and backs it up while clients append; then once more, and
 * restores it. Prints a line of JSON.
 */
import { join } from "node:path";
import { tmpdir } from "node:os";
import { mkdtempSync, rmSync } from "node:fs";
import { parseArgs } from "node:util";
import { Lines } from "../processes/lines.ts";
import { findBun } from "../system/install.ts";
import { fill } from "./fill.ts";
import { AppendLoad } from "./load.ts";

const HELP = `deno run -A -c deno.json bench/backup/main.ts [flags]

  --streams N           streams that the directory is filled with (16)
  --stream-bytes N      bytes of each (134217728: 2 GiB in all)
  --appends N           appends a second meanwhile (500)
  --clients N           by so many clients (8)
  --seconds N           how long appends are measured without a backup (10)
  --rate RATE           the backup's --rate (its default)
  --runtime deno|bun    of the server and the backup (bun)
  --dir PATH            where all of it is kept: twice what is backed up (the system's temporary
                        directory, which may not be tmpfs)

10 GiB: --streams 80. A million small streams: --streams 1000000 --stream-bytes 300
`;

const { values } = parseArgs({
  options: {
    streams: { type: "string", default: "16" },
    "stream-bytes": { type: "string", default: String(128 * 2 ** 20) },
    appends: { type: "string", default: "500" },
    clients: { type: "string", default: "8" },
    seconds: { type: "string", default: "10" },
    rate: { type: "string" },
    runtime: { type: "string", default: "bun" },
    dir: { type: "string", default: tmpdir() },
    help: { type: "boolean", default: false },
  },
});

if (values.help) console.log(HELP);
else await run();

async function run(): Promise<void> {
  const root = mkdtempSync(join(values.dir, "durable-streams-bench-"));
  Deno.addSignalListener("SIGINT", () => {
    rmSync(root, { recursive: true, force: true });
    Deno.exit(130);
  });
  try {
    console.log(JSON.stringify(await measure(root)));
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

async function measure(root: string) {
  const [data, backups] = [join(root, "data"), join(root, "backups")];
  const command = await programCommand();
  const filling = {
    streams: count("streams"),
    bytesPerStream: count("stream-bytes"),
  };
  const filledMs = await timed(() => fill(data, filling));
  const rate = values.rate === undefined ? [] : ["--rate", values.rate];
  const backup = ["backup", "--dir", data, "--to", backups, ...rate, "--json"];
  await using server = await start([...command, "--dir", data, "--port", "0"]);
  const load = await AppendLoad.start(server.url, count("appends"), count("clients"));
  try {
    await new Promise((resolve) => setTimeout(resolve, count("seconds") * 1000));
    const before = load.take();
    const backupMs = await timed(() => runProgram([...command, ...backup]));
    const during = load.take();
    const nextBackupMs = await timed(() => runProgram([...command, ...backup]));
    const duringNext = load.take();
    await load.stop();
    const restoreMs = await timed(() =>
      runProgram([...command, "restore", "--from", backups, "--to", join(root, "restored")])
    );
    const times = { filledMs, backupMs, nextBackupMs, restoreMs };
    return { ...filling, runtime: values.runtime, ...times, before, during, duringNext };
  } finally {
    await load.stop();
  }
}

async function programCommand(): Promise<readonly string[]> {
  const main = new URL("../../main.ts", import.meta.url).pathname;
  if (values.runtime === "deno") return [Deno.execPath(), "run", "-A", main];
  return [await findBun(), main];
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await run();
  return Math.round(performance.now() - startMs);
}

async function runProgram([executable = "", ...args]: readonly string[]): Promise<void> {
  const { code, stderr } = await new Deno.Command(executable, { args, stdout: "null" }).output();
  if (code !== 0) throw new Error(`${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

async function start([executable = "", ...args]: readonly string[]) {
  const child = new Deno.Command(executable, { args, stdout: "piped", stderr: "null" }).spawn();
  const lines = new Lines(child.stdout);
  for (let line = await lines.next(); line !== undefined; line = await lines.next()) {
    const url = /^listening on (\S+)/.exec(line)?.[1];
    if (url === undefined) continue;
    lines.drain();
    return {
      url,
      async [Symbol.asyncDispose]() {
        child.kill("SIGTERM");
        await child.status;
      },
    };
  }
  throw new Error(`${executable} ended before it listened`);
}

function count(name: "streams" | "stream-bytes" | "appends" | "clients" | "seconds"): number {
  const number = Number(values[name]);
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw new Error(`--${name} is ${JSON.stringify(values[name])}; accepted: a whole number from 1`);
}
