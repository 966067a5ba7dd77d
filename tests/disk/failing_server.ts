/**
 * A server whose disk fails on demand: `failing_server.ts DIR CONTROL`. A file CONTROL says which calls
 * fail from then on, and on which paths: `sync wal`, `write wal`, `sync segments`.
 */
import { existsSync, readFileSync } from "node:fs";
import process from "node:process";
import { FileSystemError } from "../../src/env/file_system.ts";
import { configureLogs } from "../../src/cli/serve/logger.ts";
import { onStopSignal, shutDown } from "../../src/cli/serve/shutdown.ts";
import { listen } from "../../src/listen/listen.ts";
import { createHandler } from "../../src/server/app.ts";
import { openFileStorage } from "../../src/storage/file/open.ts";
import { HookedFileSystem } from "../support/hooked_file_system.ts";

configureLogs({ level: "info", format: "text" });
const [, , dir = "", control = ""] = process.argv;

const fileSystem = new HookedFileSystem();
fileSystem.before = ({ call, path }) => {
  if (!existsSync(control)) return;
  const [failing, place] = readFileSync(control, "utf8").trim().split(" ");
  if (call !== failing || !path.includes(`/${place}`)) return;
  throw new FileSystemError("other", call, path, new Error("input/output error"));
};

const stopped = Promise.withResolvers<void>();
onStopSignal(() => stopped.resolve());
const storage = await openFileStorage({ dir, fileSystem, checkpointIntervalMs: 200 });
const readers = new AbortController();
const handler = createHandler({ storage, health: "/health", signal: readers.signal });
const host = "127.0.0.1";
const listener = await listen({
  host,
  port: 0,
  handler,
  longestSilenceMs: 30_000,
  http: "own",
  maxConnections: 1_000,
  isShared: false,
});
console.log(`listening on http://${host}:${listener.port}/v1/stream`);
await stopped.promise;
process.exit(
  await shutDown({
    listener,
    endReaders: () => readers.abort(),
    closeStorage: (limitMs) => storage.close(limitMs),
  }),
);
