import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import { join } from "node:path";
import { Command } from "commander";
import { resetSync } from "@logtape/logtape";
import type { OpenedAuthority } from "../../../src/access/open_authority.ts";
import { settingsChange } from "../../../src/cli/serve/http_server.ts";
import type { Changeable } from "../../../src/server/app.ts";
import { addFlags, readFlags } from "../../../src/cli/flags/flag_values.ts";
import { serveFlags } from "../../../src/cli/flags/serve_flags.ts";
import { type AppSettings, appSettings } from "../../../src/cli/serve/app_settings.ts";
import { startHttpWorkers } from "../../../src/cli/serve/http_workers.ts";
import { createMemoryStorage } from "../../../src/storage/memory.ts";
import { withTempDir } from "../../support/temp_dir.ts";

const THREADS = 2;
const LOGS = { level: "error", format: "text" } as const;

function settings(...args: string[]): AppSettings {
  const command = new Command().exitOverride();
  addFlags(command, serveFlags);
  command.parse(["--port", "0", ...args], { from: "user" });
  return appSettings(readFlags(command, serveFlags, {}), THREADS, 100);
}

Deno.test("an app and its authority take new settings, rules only where they have changed", () => {
  const started = { ...settings(), access: { rules: [{ grants: ["read a"] }] } };
  const taken: unknown[] = [];
  const app: Changeable = {
    prepare({ cors }) {
      if (cors === "bad") throw new RangeError("bad");
      return () => taken.push(cors);
    },
  };
  const authority: OpenedAuthority = {
    authorize: () => undefined,
    prepareRules: (rules) => () => taken.push(rules),
    close() {},
  };
  const prepare = settingsChange(started, app, authority, {});
  const rules = [{ grants: ["read b"] }];
  const change = prepare({ ...started, access: { rules } });
  deepEqual(taken, []);
  change();
  deepEqual(taken, ["loopback", rules]);
  prepare({ ...started, access: { rules } })();
  deepEqual(taken, ["loopback", rules, "loopback"]);
  const { access: _, ...without } = started;
  prepare(without)();
  deepEqual(taken.slice(3), ["loopback", []]);
  throws(() => prepare({ ...started, app: { ...started.app, cors: "bad" } }), RangeError);
  equal(taken.length, 5);
});

Deno.test("all threads take new settings, or none does where one can't", () =>
  withTempDir(async (dir) => {
    const storage = createMemoryStorage();
    const workers = await startHttpWorkers(THREADS, settings(), LOGS, undefined);
    await workers.serve(storage);
    /** The statuses that pages get on connections of their own, so that each thread has some. */
    const statuses = async () => {
      const url = `http://127.0.0.1:${workers.port}/v1/stream/none`;
      const headers = { connection: "close", origin: "http://localhost:3000" };
      const responses = await Promise.all(Array.from({ length: 30 }, async () => {
        const response = await fetch(url, { headers });
        await response.body?.cancel();
        return response.status;
      }));
      return [...new Set(responses)].sort();
    };
    const closed = (...args: string[]) => settings("--cors", "none", ...args);
    try {
      deepEqual(await statuses(), [404]);
      const log = join(dir, "here", "access.log");
      await rejects(
        workers.prepare(closed("--access-log-file", log), LOGS),
        /the access log can't be opened, with --access-log-file: ENOENT/,
      );
      deepEqual(await statuses(), [404]);
      const prepared = await workers.prepare(closed(), LOGS);
      deepEqual(await statuses(), [404]);
      prepared.abandon?.();
      deepEqual(await statuses(), [404]);
      (await workers.prepare(closed(), LOGS)).apply();
      deepEqual(await statuses(), [403]);
      (await workers.prepare(settings("--client-requests", "2/s"), LOGS)).apply();
      deepEqual(await statuses(), [404, 429]);
    } finally {
      resetSync();
      workers.endReaders();
      await workers.stop();
      await storage.close();
    }
  }));
