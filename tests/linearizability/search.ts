/** Looks for a history that no order explains: `search.ts SECONDS`. Exits with 3 where it finds none. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { appIn } from "./app_server.ts";
import { runHistories } from "./run_histories.ts";

const EXIT_NOTHING = 3;
const seconds = Number(process.argv[2] ?? 30);
const root = mkdtempSync(join(tmpdir(), "durable-streams-linear-"));
const server = await appIn(join(root, "streams"));
let code = EXIT_NOTHING;
try {
  await runHistories(server.send, 1, performance.now() + seconds * 1000);
} catch (error) {
  console.log(`found: ${error instanceof Error ? error.message : String(error)}`);
  code = 0;
}
await server.close().catch(() => {});
rmSync(root, { recursive: true, force: true });
process.exit(code);
