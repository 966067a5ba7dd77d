import { deepEqual, equal } from "node:assert/strict";
import { FileKeys } from "../../../src/access/jwt/file_keys.ts";
import { nodeFileSystem } from "../../../src/env/node_file_system.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { withTempDir } from "../../support/temp_dir.ts";
import { until } from "../../support/until.ts";
import { makeKey } from "../access_kit.ts";

const [one, two] = await Promise.all([makeKey("ES256", "one"), makeKey("ES256", "two")]);

Deno.test("a file of keys that changes has other keys within a second, and a broken one the same", async () => {
  await withTempDir(async (dir) => {
    const path = `${dir}/keys`;
    const clock = new ManualClock();
    const write = (value: unknown) => Deno.writeTextFileSync(path, JSON.stringify(value));
    let changes = 0;
    write(one.jwk);
    const onChange = () => changes++;
    const keys = await FileKeys.open(path, { fileSystem: nodeFileSystem, clock, onChange });
    try {
      const kids = async () => {
        const found = await keys.keysFor({ alg: "ES256", kid: undefined });
        return found.map(({ kid }) => kid);
      };
      deepEqual(await kids(), ["one"]);
      write({ keys: [] });
      clock.advance(1_000);
      write(two.jwk);
      clock.advance(1_000);
      await until(() => changes > 0, () => "the keys of the file are not taken");
      deepEqual(await kids(), ["two"]);
      deepEqual(await keys.keysFor({ alg: "ES256", kid: "one" }), []);
      deepEqual(await keys.keysFor({ alg: "RS256", kid: "two" }), []);
      equal(changes, 1);
    } finally {
      keys.close();
    }
    equal(clock.pendingTimers, 0);
  });
});
