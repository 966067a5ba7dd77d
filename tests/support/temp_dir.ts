/** A directory of the test's own, removed however the test ends. */
export async function withTempDir<T>(run: (dir: string) => T | Promise<T>): Promise<T> {
  const dir = await Deno.makeTempDir({ prefix: "durable-streams-test-" });
  try {
    return await run(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** Copies a directory as it is, but for the lock: what a killed server leaves behind. */
export async function copyDir(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const entry of Deno.readDir(from)) {
    const [source, target] = [`${from}/${entry.name}`, `${to}/${entry.name}`];
    if (entry.isDirectory) await copyDir(source, target);
    else if (entry.name !== "LOCK") await Deno.copyFile(source, target);
  }
}
