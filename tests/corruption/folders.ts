/** Paths of all files in a folder. */
export function filesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].sort((a, b) => a.name < b.name ? -1 : 1).flatMap((entry) =>
    entry.isDirectory ? filesIn(`${folder}/${entry.name}`) : [`${folder}/${entry.name}`]
  );
}

/** Copies a folder with all that is in it. */
export function copyFolder(from: string, to: string): void {
  Deno.mkdirSync(to, { recursive: true });
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    if (isDirectory) copyFolder(`${from}/${name}`, `${to}/${name}`);
    else Deno.copyFileSync(`${from}/${name}`, `${to}/${name}`);
  }
}

/** Runs in a folder of the test's own; in memory where the machine has such a place, for the sake of time. */
export async function withFastDir(run: (dir: string) => Promise<void>): Promise<void> {
  const options = { prefix: "durable-streams-flips-" };
  let dir: string;
  try {
    dir = Deno.makeTempDirSync({ ...options, dir: "/dev/shm" });
  } catch {
    dir = Deno.makeTempDirSync(options);
  }
  try {
    await run(dir);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}
