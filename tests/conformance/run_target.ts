import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeGuard } from "../support/guard.ts";
import { NatsCluster } from "../support/nats/nats_cluster.ts";
import { TurnsProxy } from "../support/turns_proxy.ts";
import { runCommand } from "../tools/command.ts";
import { BUN, VITEST } from "../tools/install.ts";
import { startProgram } from "../tools/program.ts";
import { inRepo } from "../tools/repo.ts";
import { failedRun, readReport, type Report, requireWhole } from "./report.ts";
import type { Target } from "./targets.ts";

/**
 * Starts the program in a directory of its own, runs the suite against it and ends it. What goes
 * wrong on the way is in the report, so that one target's trouble doesn't hide another's result.
 */
export async function runTarget(
  target: Target,
  only?: string,
): Promise<Report> {
  const dir = await mkdtemp(join(tmpdir(), "durable-streams-conformance-"));
  try {
    return requireWhole(await runSuite(target, dir, only), only !== undefined);
  } catch (error) {
    return failedRun(error);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function runSuite(
  target: Target,
  dir: string,
  only?: string,
): Promise<Report> {
  await using resources = new AsyncDisposableStack();
  const command = await target.program(dir);
  const storage = await storageFlags(target, dir, resources);
  // One of its requests says that it is of a page of example.com.
  const flags = ["--port", "0", ...storage, "--cors", "*"];
  const guard = target.isGuarded === true ? await makeGuard(command, dir) : undefined;
  const shown = guard === undefined
    ? {}
    : { CONFORMANCE_TOKEN: guard.token, NODE_EXTRA_CA_CERTS: guard.authorityFile };
  const commands = [command, ...target.secondProgram === undefined ? [] : [target.secondProgram()]];
  const origins: string[] = [];
  for (const each of commands) {
    const program = await startProgram([...each, ...flags, ...guard?.flags ?? []]);
    resources.defer(() => program.stop());
    origins.push(program.origin);
  }
  const env = { CONFORMANCE_URL: await oneOrigin(origins, resources), ...shown };
  return await runVitest(env, join(dir, "report.json"), only);
}

/** The flags that say where streams are kept, in a cluster that is started where there has to be one. */
async function storageFlags(
  { storage }: Target,
  dir: string,
  resources: AsyncDisposableStack,
): Promise<readonly string[]> {
  if (storage !== "nats") return ["--storage", storage, "--dir", join(dir, "data")];
  const cluster = resources.use(await NatsCluster.start({ servers: 3 }));
  return ["--storage", storage, "--nats", cluster.urls.join(",")];
}

/** Where all of the servers are reached by turns. */
async function oneOrigin(
  origins: readonly string[],
  resources: AsyncDisposableStack,
): Promise<string> {
  const [only, ...others] = origins;
  if (only !== undefined && others.length === 0) return only;
  const proxy = await TurnsProxy.start(origins);
  resources.defer(() => proxy.stop());
  return proxy.origin;
}

async function runVitest(
  env: Readonly<Record<string, string>>,
  reportFile: string,
  only?: string,
): Promise<Report> {
  const filter = only === undefined ? [] : ["--testNamePattern", only];
  const { output } = await runCommand(
    [
      BUN,
      VITEST,
      "run",
      "--config=conformance/vitest.config.ts",
      "--reporter=json",
      `--outputFile=${reportFile}`,
      ...filter,
    ],
    {
      cwd: inRepo("tests"),
      env,
      limitMinutes: 10,
    },
  );
  try {
    return readReport(await readFile(reportFile, "utf8"));
  } catch {
    throw new Error(`vitest wrote no report:\n${output}`);
  }
}
