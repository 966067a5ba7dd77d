import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AUTHORITY, FIRST } from "../support/certificates.ts";
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
  const command = await target.program(dir);
  const data = join(dir, "data");
  // One of its requests says that it is of a page of example.com.
  const flags = ["--port", "0", "--storage", target.storage, "--dir", data, "--cors", "*"];
  const guard = target.isGuarded === true ? await makeGuard(command, dir) : NO_GUARD;
  const program = await startProgram([...command, ...flags, ...guard.flags]);
  try {
    const env = { CONFORMANCE_URL: program.origin, ...guard.env };
    return await runVitest(env, join(dir, "report.json"), only);
  } finally {
    await program.stop();
  }
}

/** What has a server ask who is there, by TLS, and the suite tell it. */
interface Guard {
  readonly flags: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const NO_GUARD: Guard = { flags: [], env: {} };

async function makeGuard(command: readonly string[], dir: string): Promise<Guard> {
  const [tokens, cert, key, ca] = ["tokens.jsonl", "cert.pem", "key.pem", "ca.pem"].map((name) =>
    join(dir, name)
  );
  const files = [[cert, FIRST.cert], [key, FIRST.key], [ca, AUTHORITY]] as const;
  for (const [path = "", text] of files) await writeFile(path, text);
  const create = ["token", "create", "--tokens", tokens ?? "", "--subject", "the suite"];
  const all = ["--grant", "read,append,create,close,delete,list,subscribe,admin **"];
  const { code, output } = await runCommand([...command, ...create, ...all], { limitMinutes: 1 });
  const [token] = /\bds_\S+/.exec(output) ?? [];
  if (code !== 0 || token === undefined) throw new Error(`There is no token:\n${output}`);
  return {
    flags: ["--tokens", tokens ?? "", "--tls-cert", cert ?? "", "--tls-key", key ?? ""],
    env: { CONFORMANCE_TOKEN: token, NODE_EXTRA_CA_CERTS: ca ?? "" },
  };
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
