import { symlinkSync } from "node:fs";
import process from "node:process";
import { BUN } from "../tools/install.ts";
import { nodeFirst, nodePath, type NodeVersion } from "../tools/node.ts";
import { inRepo } from "../tools/repo.ts";

/** How the users of one runtime install the package and run it: README's own words. */
export interface User {
  readonly name: string;
  /** Runs the program in an empty folder. */
  readonly program: readonly string[];
  /** Makes a folder a project that can import the package. */
  readonly add: readonly string[];
  /** Runs a file of the project, which follows. */
  readonly run: readonly string[];
  /** Checks the types of a file of the project, which follows. */
  readonly check: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const TSC = [
  inRepo("tests", "node_modules", "typescript", "bin", "tsc"),
  ..."--noEmit --strict --skipLibCheck --module nodenext --target es2024".split(" "),
  ...["--lib", "esnext,dom,dom.iterable", "--types", "node"],
  ...["--typeRoots", inRepo("tests", "node_modules", "@types")],
];

/** Those of every runtime, each with caches of its own in `dir`, at this registry. */
export async function usersOf(dir: string, registry: string): Promise<readonly User[]> {
  const common = {
    NPM_CONFIG_REGISTRY: registry,
    npm_config_registry: registry,
    NO_UPDATE_NOTIFIER: "1",
    npm_config_audit: "false",
    npm_config_fund: "false",
  };
  const onNode = async (version: NodeVersion): Promise<User> => ({
    name: `Node ${version}`,
    program: ["npx", "-y", "durable-streams"],
    add: ["npm", "install", "durable-streams"],
    run: [await nodePath(version)],
    check: [await nodePath(version), ...TSC],
    env: { ...common, ...await nodeFirst(version), npm_config_cache: `${dir}/npm-${version}` },
  });
  const bunFolder = `${dir}/bun`;
  Deno.mkdirSync(bunFolder);
  for (const name of ["bun", "bunx"]) symlinkSync(BUN, `${bunFolder}/${name}`);
  const deno = Deno.execPath();
  return [
    await onNode("22.23.3"),
    await onNode("24.21.0"),
    {
      name: "Deno",
      program: [deno, "run", "-A", "npm:durable-streams"],
      add: [deno, "add", "npm:durable-streams"],
      run: [deno, "run", "-A"],
      check: [deno, "check"],
      env: { ...common, DENO_DIR: `${dir}/deno`, DENO_NO_UPDATE_CHECK: "1" },
    },
    {
      name: "Bun",
      program: [`${bunFolder}/bunx`, "--bun", "durable-streams"],
      add: [BUN, "add", "durable-streams"],
      run: [BUN],
      check: [BUN, ...TSC],
      env: {
        ...common,
        BUN_INSTALL_CACHE_DIR: `${dir}/bun-cache`,
        PATH: `${bunFolder}:${process.env.PATH ?? ""}`,
        TMPDIR: bunFolder,
      },
    },
  ];
}
