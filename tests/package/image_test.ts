import { deepEqual, equal, match, ok } from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  writeFileSync,
} from "node:fs";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { withTempDir } from "../support/temp_dir.ts";
import { runCommand } from "../tools/command.ts";
import { BUN, installTestTools } from "../tools/install.ts";
import { inRepo } from "../tools/repo.ts";
import { cloneTo } from "./clone.ts";

/**
 * The image that Dockerfile makes, built by buildah and run in namespaces as compose.yaml has it run: no
 * registry of images is reached, and no daemon is there.
 */

interface ImageConfig {
  readonly User: string;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly Volumes: Readonly<Record<string, unknown>>;
  readonly Healthcheck: { readonly Test: readonly string[] };
}

const USER = 65532;

const canBuild = Deno.uid() === 0 && spawnSync("buildah", ["--version"]).status === 0;

Deno.test({
  name: `the image serves as a user of its own, with a root that it can't write to${
    canBuild ? "" : " (skipped: needs buildah and root)"
  }`,
  ignore: !canBuild && process.env.CI !== "true",
  fn: tryImage,
});

async function tryImage(): Promise<void> {
  await installTestTools();
  await withTempDir(async (dir) => {
    const root = await buildImage(dir);
    try {
      const { Docker } = JSON.parse(readFileSync(`${dir}/image.json`, "utf8"));
      // It listens on every address, and nothing else says who may do what.
      const env = [...Docker.config.Env, "DURABLE_STREAMS_INSECURE=true"];
      const config: ImageConfig = { ...Docker.config, Env: env };
      equal(config.User, `${USER}:${USER}`);
      deepEqual(Object.keys(config.Volumes), ["/data"]);
      await runImage(dir, root, config);
    } finally {
      await runCommand(buildah(dir, "umount", "--all"), { limitMinutes: 1 });
    }
  });
}

async function buildImage(dir: string): Promise<string> {
  const context = `${dir}/context`;
  await cloneTo(context);
  const packages = ["hono", "commander", "@logtape/logtape", "ipaddr.js", "jose", "smol-toml"];
  // What those of OpenTelemetry need of each other isn't at the top.
  const kept = inRepo("node_modules", ".deno", "node_modules");
  const own = readdirSync(inRepo("node_modules", "@opentelemetry"));
  const traces = [...own, ...readdirSync(`${kept}/@opentelemetry`)]
    .map((name) => `@opentelemetry/${name}`);
  for (const name of new Set([...packages, ...traces])) {
    const isOwn = existsSync(inRepo("node_modules", name));
    const from = realpathSync(isOwn ? inRepo("node_modules", name) : `${kept}/${name}`);
    cpSync(from, `${context}/node_modules/${name}`, { recursive: true, dereference: true });
  }
  const script = inRepo("tests", "package", "build_image.sh");
  const { code, output } = await runCommand(["bash", script, context, realpathSync(BUN), dir], {
    limitMinutes: 5,
  });
  equal(code, 0, output);
  return output.trimEnd().split("\n").at(-1) ?? "";
}

async function runImage(dir: string, root: string, config: ImageConfig): Promise<void> {
  const data = `${dir}/data`;
  mkdirSync(data);
  // As a volume takes over the folder that it is put on.
  const { uid, gid } = Deno.statSync(`${root}/data`);
  deepEqual([uid, gid], [USER, USER]);
  chownSync(data, USER, USER);
  writeFileSync(`${dir}/env`, `${config.Env.join("\n")}\n`);
  const [, ...health] = config.Healthcheck.Test;

  const first = await Container.start(dir, root, data, config);
  try {
    equal(JSON.parse(await first.run(health)).status, "ok");
    equal(await first.run(["durable-streams", "append", "demo", "--data", "hello"]), "");
    const elsewhere = await first.tryTo(["durable-streams", "--dir", "/elsewhere", "--port", "0"]);
    equal(elsewhere.code, 1);
    match(elsewhere.output, /read-only file system/i);
  } finally {
    await first.end("SIGKILL");
  }
  const second = await Container.start(dir, root, data, config);
  try {
    equal(await second.run(["durable-streams", "read", "demo"]), "hello");
    equal(second.owner(), USER);
  } finally {
    // The first process of a container ends by what `docker stop` sends.
    match(await second.end("SIGTERM"), /INFO stopped exitCode=0/);
  }
}

/** What `docker run` would make of the image. */
class Container {
  readonly #child: ChildProcess;
  readonly #environment: readonly string[];
  #output = "";

  private constructor(child: ChildProcess, environment: readonly string[]) {
    this.#child = child;
    this.#environment = environment;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => this.#output += text);
    }
  }

  static async start(
    dir: string,
    root: string,
    data: string,
    config: ImageConfig,
  ): Promise<Container> {
    const script = inRepo("tests", "package", "run_image.sh");
    const spaces = ["--mount", "--net", "--pid", "--fork", "--kill-child"];
    const args = [...spaces, "bash", script, root, data, `${dir}/env`, ...config.Entrypoint];
    const container = new Container(spawn("unshare", args, { stdio: "pipe" }), config.Env);
    for (let tries = 0; !container.#output.includes("listening on "); tries++) {
      ok(tries < 300 && container.#child.exitCode === null, container.#output);
      await sleep(100);
    }
    return container;
  }

  /** What a command inside prints; it has to succeed. */
  async run(command: readonly string[]): Promise<string> {
    const { code, output } = await this.tryTo(command);
    equal(code, 0, output);
    return output;
  }

  tryTo(command: readonly string[]): Promise<{ code: number; output: string }> {
    const [program = "", ...args] = command;
    const enter = [
      "nsenter",
      "--target",
      `${this.#pid()}`,
      "--mount",
      "--net",
      "--pid",
      "--root",
      "--wd",
    ];
    const user = ["--setuid", `${USER}`, "--setgid", `${USER}`];
    return runCommand(
      ["env", "-i", ...this.#environment, ...enter, ...user, `/bin/${program}`, ...args],
      { limitMinutes: 1 },
    );
  }

  /** The user that the server runs as. */
  owner(): number {
    return Deno.statSync(`/proc/${this.#pid()}`).uid ?? -1;
  }

  /** Ends the server; all that it wrote. */
  async end(signal: NodeJS.Signals): Promise<string> {
    const ended = new Promise((resolve) => this.#child.once("close", resolve));
    process.kill(this.#pid(), signal);
    await ended;
    return this.#output;
  }

  /** The only child of what made the namespaces is the server. */
  #pid(): number {
    const { pid } = this.#child;
    return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim());
  }
}

function buildah(dir: string, ...args: readonly string[]): readonly string[] {
  const storage = ["--root", `${dir}/storage`, "--runroot", `${dir}/run`];
  return ["buildah", ...storage, "--storage-driver", "vfs", ...args];
}
