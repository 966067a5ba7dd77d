import { nameDefect } from "../../protocol/stream_name.ts";

/** Why no stream can have this name, as a sentence; nothing where one may. */
export function nameProblem(name: string): string | undefined {
  const defect = nameDefect(name);
  return defect === undefined ? undefined : `No stream can be called so: ${defect}.`;
}

/** A name that a fork may be offered: the source's, and behind it the first number that is free. */
export function forkName(source: string, taken: readonly string[] = []): string {
  for (let number = 1;; number++) {
    const name = `${source}-fork${number === 1 ? "" : `-${number}`}`;
    if (!taken.includes(name)) return name;
  }
}
