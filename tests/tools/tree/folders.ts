import { posix } from "node:path";
import type { Sources } from "./imports.ts";
import type { Violations } from "./violations.ts";

const ROOTS = ["src", "bench", "tests"];

/**
 * Each folder of sources says in a `README.md` what lives there. One of `tests` that mirrors a
 * folder of `src` needs none: that folder's says it.
 */
export function checkFolders(repository: Sources): Violations {
  const folders = new Set(
    [...repository.keys()].filter((path) => /\.tsx?$/.test(path)).map(posix.dirname),
  );
  return [...folders]
    .filter((folder) => ROOTS.some((root) => folder === root || folder.startsWith(`${root}/`)))
    .filter((folder) =>
      !(folder.startsWith("tests/") && folders.has(folder.replace(/^tests/, "src")))
    )
    .filter((folder) => !/\w\s+\w/.test(repository.get(`${folder}/README.md`) ?? ""))
    .map((folder) => `${folder}: has no README.md that says what lives there`);
}
