/**
 * The files that run in a worker. Nothing imports them, so an executable has to be told of them,
 * and the test of the tree counts what they import as used.
 */
export const WORKER_ENTRIES: readonly string[] = [
  "src/storage/file/catalog/worker.ts",
  "src/cli/serve/http_worker.ts",
];
