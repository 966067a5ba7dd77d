import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { chromium } from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/** The path of a Chromium that this machine has; undefined where there is none. */
export function findChromium(): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return folders.flatMap((folder) => NAMES.map((name) => join(folder, name))).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Nothing that would leave the machine or need a screen; names of the world lead back to it. */
const FLAGS = [
  "--host-resolver-rules=MAP *.example 127.0.0.1",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/**
 * Starts Chromium without a window and without a sandbox (CI runs as root), in a user folder of its
 * own that goes with it. Throws where the machine has none.
 */
export async function launchChromium() {
  const executablePath = findChromium();
  if (executablePath === undefined) {
    throw new Error("No Chromium on the PATH: install it (apt-get install chromium).");
  }
  return await chromium.launch({ executablePath, args: FLAGS });
}
