/** A directory of the test's own, removed however the test ends. */
export async function withTempDir<T>(run: (dir: string) => T | Promise<T>): Promise<T> {
  const dir = await Deno.makeTempDir({ prefix: "durable-streams-test-" });
  try {
    return await run(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/**
 * Copies a storage's directory as a kill leaves it, without its lock. At once, so that nothing on this
 * thread comes between; and the catalogue first, since its own thread may be at work: a catalogue that is
 * older than the log is what a kill during a checkpoint leaves, one that is newer is not.
 */
export function copyKilled(from: string, to: string): void {
  const rank = (name: string) => name.startsWith("catalog.sqlite") ? 0 : 1;
  const entries = [...Deno.readDirSync(from)].sort((a, b) => rank(a.name) - rank(b.name));
  Deno.mkdirSync(to, { recursive: true });
  for (const { name, isDirectory } of entries) {
    const [source, target] = [`${from}/${name}`, `${to}/${name}`];
    if (isDirectory) copyKilled(source, target);
    else if (!/^LOCK|-shm$/.test(name)) Deno.copyFileSync(source, target);
  }
}
