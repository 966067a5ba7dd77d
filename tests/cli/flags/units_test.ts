import { equal, match, throws } from "node:assert/strict";
import {
  formatDuration,
  formatSize,
  parseDuration,
  parseSize,
  UnitError,
} from "../../../src/cli/flags/units.ts";

Deno.test("durations are read exactly", () => {
  equal(parseDuration("0ms"), 0);
  equal(parseDuration("500ms"), 500);
  equal(parseDuration("30s"), 30_000);
  equal(parseDuration("5m"), 300_000);
  equal(parseDuration("1h"), 3_600_000);
  equal(parseDuration("7d"), 604_800_000);
  equal(parseDuration("2w"), 1_209_600_000);
});

Deno.test("sizes are read exactly, plain numbers as bytes", () => {
  equal(parseSize("0"), 0);
  equal(parseSize("512"), 512);
  equal(parseSize("512B"), 512);
  equal(parseSize("64KiB"), 65_536);
  equal(parseSize("1MiB"), 1_048_576);
  equal(parseSize("2GiB"), 2_147_483_648);
});

const NO_DURATION = [
  "",
  "30",
  "s",
  "-1s",
  "+1s",
  "1.5s",
  "1e3ms",
  "30 s",
  " 30s",
  "30S",
  "1D",
  "1y",
  "1h30m",
];
for (const text of [...NO_DURATION, "9007199254740992ms", "٣s"]) {
  Deno.test(`${JSON.stringify(text)} is no duration, and the error says what is`, () => {
    throws(() => parseDuration(text), (error) => {
      equal(error instanceof UnitError, true);
      match(String(error), /is not a duration: write .*500ms, 30s, 5m, 1h, 7d/);
      return true;
    });
  });
}

const NO_SIZE = [
  "",
  "B",
  "-1",
  "1.5MiB",
  "1KB",
  "1MB",
  "10M",
  "1kib",
  "1 KiB",
  "0x10",
  "1TiB",
  "∞",
];
for (const text of [...NO_SIZE, "9007199254740992", "8589934592GiB"]) {
  Deno.test(`${JSON.stringify(text)} is no size, and the error says what is`, () => {
    throws(() => parseSize(text), (error) => {
      equal(error instanceof UnitError, true);
      match(String(error), /is not a size: write .*512, 64KiB, 1MiB/);
      return true;
    });
  });
}

Deno.test("what is written is read back as the same value", () => {
  for (const ms of [0, 1, 999, 1_000, 1_500, 60_000, 90_000, 3_600_000, 86_400_000, 604_800_000]) {
    equal(parseDuration(formatDuration(ms)), ms);
  }
  for (const bytes of [0, 1, 1_023, 1_024, 1_025, 2 ** 20, 3 * 2 ** 29, Number.MAX_SAFE_INTEGER]) {
    equal(parseSize(formatSize(bytes)), bytes);
  }
});

Deno.test("the largest unit that keeps the value whole is written", () => {
  equal(formatDuration(0), "0ms");
  equal(formatDuration(1_500), "1500ms");
  equal(formatDuration(90_000), "90s");
  equal(formatDuration(7_200_000), "2h");
  equal(formatDuration(172_800_000), "2d");
  equal(formatDuration(604_800_000), "1w");
  equal(formatSize(0), "0");
  equal(formatSize(1_000), "1000");
  equal(formatSize(64 * 2 ** 20), "64MiB");
  equal(formatSize(1_536), "1536");
});
