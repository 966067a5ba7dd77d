import { dirname } from "node:path";
import { runCommand } from "./command.ts";
import { withTempDir } from "../support/temp_dir.ts";

/** The Nodes that the package is tried on: 20 for the client and what needs no SQLite. */
export type NodeVersion = "20.20.2" | "22.23.3" | "24.21.0";

const known = new Map<NodeVersion, Promise<string>>();

/** A Node of just this version, as npm brings it and keeps it. */
export function nodePath(version: NodeVersion): Promise<string> {
  const path = known.get(version) ?? fetchNode(version);
  known.set(version, path);
  return path;
}

/** The variables with which `node` is that one, also for npm and npx. */
export async function nodeFirst(version: NodeVersion): Promise<{ PATH: string }> {
  return { PATH: `${dirname(await nodePath(version))}:${Deno.env.get("PATH") ?? ""}` };
}

/** Run elsewhere, so that the Node of no project is taken for it. */
async function fetchNode(version: NodeVersion): Promise<string> {
  return await withTempDir(async (cwd) => {
    const say = "console.log(`path=${process.execPath} ${process.versions.node}`)";
    const command = ["npx", "-y", `node@${version}`, "-e", say];
    const { code, output } = await runCommand(command, { cwd, limitMinutes: 5 });
    const [, path, found] = /^path=(.*) (\S+)$/m.exec(output) ?? [];
    if (code !== 0 || path === undefined || found !== version) {
      throw new Error(`npx doesn't bring Node ${version}:\n${output}`);
    }
    return path;
  });
}
