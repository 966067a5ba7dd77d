const FOLDER = new URL("../.servers", import.meta.url).pathname;

const COMPILE = new URL("../../tools/compile_bun.ts", import.meta.url).pathname;

const NATIVE_VERSION = "0.1.5";
const NATS_MODULE = "github.com/nats-io/nats-server/v2@v2.15.2";
/** The first release whose `sync_interval` takes `always`. */
const NATS_SYNC_MINOR = 10;
/** The first one that this project's storage takes. */
const NATS_STORAGE_MINOR = 15;

/**
 * The native server of the protocol: as given, from `PATH`, or built by cargo into `bench/.servers`.
 *
 * @throws {Error} where there is none and no cargo
 */
export async function findNative(given: string | undefined): Promise<string> {
  const name = "durable-streams-server";
  if (given !== undefined) return existing("--native", given);
  const found = await inPath(name) ?? installed(name);
  if (found !== undefined) return found;
  const crate = ["durable-streams", "--version", NATIVE_VERSION];
  await build(`${crate.join(" ")}, takes minutes`, "cargo", [
    ...["install", ...crate, "--locked", "--root", FOLDER],
  ]);
  return existing("cargo install", `${FOLDER}/bin/${name}`);
}

/**
 * This project as one executable, built anew by Bun from the source as it is.
 *
 * @throws {Error} where it can't be built
 */
export async function buildOurs(): Promise<string> {
  const path = `${FOLDER}/bin/durable-streams`;
  Deno.mkdirSync(`${FOLDER}/bin`, { recursive: true });
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", COMPILE, path],
    stdout: "null",
    stderr: "piped",
  }).output();
  if (success) return path;
  throw new Error(`it can't be built: ${new TextDecoder().decode(stderr).trim().slice(-200)}`);
}

/**
 * Redis, from `PATH`.
 *
 * @throws {Error} where there is none
 */
export async function findRedis(given: string | undefined): Promise<string> {
  if (given !== undefined) return existing("--redis", given);
  const found = await inPath("redis-server");
  if (found === undefined) throw new Error("redis-server is not in PATH (a package of Debian's)");
  return found;
}

/**
 * A NATS server that this project keeps streams in: from `PATH` if it is new enough, else built by Go into
 * `bench/.servers`.
 *
 * @throws {Error} where there is none and no Go
 */
export function findNatsForStorage(given: string | undefined): Promise<string> {
  return findNats(given, NATS_STORAGE_MINOR);
}

/**
 * A NATS server that can sync before it acknowledges: from `PATH` if it is new enough (Debian 12's
 * isn't), else built by Go into `bench/.servers`.
 *
 * @throws {Error} where there is none and no Go
 */
export async function findNats(
  given: string | undefined,
  leastMinor = NATS_SYNC_MINOR,
): Promise<string> {
  const name = "nats-server";
  const candidates = [given, await inPath(name), installed(name)];
  for (const candidate of candidates) {
    if (candidate !== undefined && await isNatsFrom(candidate, leastMinor)) return candidate;
  }
  await build(`${NATS_MODULE}, takes minutes`, "go", ["install", NATS_MODULE], {
    GOBIN: `${FOLDER}/bin`,
  });
  return existing("go install", `${FOLDER}/bin/${name}`);
}

async function isNatsFrom(program: string, leastMinor: number): Promise<boolean> {
  const version = await firstLineOf(program, ["--version"]);
  const [, major, minor] = /v(\d+)\.(\d+)\./.exec(version ?? "") ?? [];
  return Number(major) > 2 || (Number(major) === 2 && Number(minor) >= leastMinor);
}

async function build(
  what: string,
  command: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<void> {
  if (await inPath(command) === undefined) {
    throw new Error(`it is not in PATH, and there is no ${command} to build it with`);
  }
  console.error(`building ${what}, into bench/.servers (once) ...`);
  const { success, stderr } = await new Deno.Command(command, {
    args: [...args],
    env,
    stdout: "null",
    stderr: "piped",
  }).output();
  if (success) return;
  const end = new TextDecoder().decode(stderr).trim().slice(-200);
  throw new Error(`it is not in PATH, and ${command} could not build it: ${end}`);
}

async function inPath(name: string): Promise<string | undefined> {
  return await firstLineOf("which", [name]);
}

async function firstLineOf(command: string, args: string[]): Promise<string | undefined> {
  try {
    const output = await new Deno.Command(command, { args, stderr: "null" }).output();
    const line = new TextDecoder().decode(output.stdout).split("\n")[0] ?? "";
    return output.success && line !== "" ? line : undefined;
  } catch {
    return undefined;
  }
}

function installed(name: string): string | undefined {
  const path = `${FOLDER}/bin/${name}`;
  return isFile(path) ? path : undefined;
}

function existing(where: string, path: string): string {
  if (isFile(path)) return path;
  throw new Error(`${where}: there is no program at that path`);
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
