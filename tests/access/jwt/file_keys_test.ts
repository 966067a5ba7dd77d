import { deepEqual, equal } from "node:assert/strict";
import { configure, reset } from "@logtape/logtape";
import { FileKeys } from "../../../src/access/jwt/file_keys.ts";
import { nodeFileSystem } from "../../../src/env/node_file_system.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { withTempDir } from "../../support/temp_dir.ts";
import { until } from "../../support/until.ts";
import { makeKey } from "../access_kit.ts";

const [one, two] = await Promise.all([makeKey("ES256", "one"), makeKey("ES256", "two")]);

Deno.test("of a file of keys that was broken the log says that, and not that it was read again", async () => {
  await withTempDir(async (dir) => {
    const path = `${dir}/keys`;
    const clock = new ManualClock();
    const lines: string[] = [];
    await configure({
      reset: true,
      sinks: { lines: ({ message }) => lines.push(message.join("")) },
      loggers: [
        { category: ["durable-streams", "access"], sinks: ["lines"] },
        { category: ["logtape", "meta"], sinks: [] },
      ],
    });
    Deno.writeTextFileSync(path, JSON.stringify(one.jwk));
    const keys = await FileKeys.open(path, { fileSystem: nodeFileSystem, clock, onChange() {} });
    try {
      Deno.writeTextFileSync(path, "{");
      clock.advance(1_000);
      await until(() => lines.length > 0, () => "the log says nothing");
      deepEqual(lines, ["a file is no good any more, what it said before stays"]);
      clock.advance(1_000);
      Deno.writeTextFileSync(path, JSON.stringify(two.jwk));
      clock.advance(1_000);
      await until(() => lines.length > 1, () => "the log says nothing");
      deepEqual(lines.slice(1), ["reloaded"]);
    } finally {
      keys.close();
      await reset();
    }
  });
});

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
