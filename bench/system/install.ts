const BENCH = new URL("..", import.meta.url).pathname;

const PACKAGES = ["@durable-streams/server", "@prisma/streams-server", "bun", "echarts"];

/** Installs the bench's own pinned packages, once. */
export async function installPackages(): Promise<void> {
  if (PACKAGES.every((name) => exists(`${BENCH}node_modules/${name}`))) return;
  console.error("installing the bench's packages into bench/node_modules (once) ...");
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["install", "--frozen"],
    cwd: BENCH,
    stdout: "null",
  }).output();
  if (!success) throw new Error("deno install in bench/ failed; its output is above");
}

/**
 * The native Bun executable: the one in PATH, else the pinned one of bench/node_modules. Wrappers are
 * resolved, because signals and CPU times must be those of Bun itself.
 */
export async function findBun(): Promise<string> {
  const inPath = await execPathOf("bun");
  if (inPath !== undefined) return inPath;
  await installPackages();
  const installed = await execPathOf(`${BENCH}node_modules/.bin/bun`);
  if (installed !== undefined) return installed;
  throw new Error("bun is neither in PATH nor could it be installed into bench/node_modules");
}

async function execPathOf(command: string): Promise<string | undefined> {
  try {
    const output = await new Deno.Command(command, {
      args: ["-e", "console.log(process.execPath)"],
      stderr: "null",
    }).output();
    const path = new TextDecoder().decode(output.stdout).trim();
    return output.success && path !== "" ? path : undefined;
  } catch {
    return undefined;
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
