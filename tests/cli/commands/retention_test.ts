import { deepEqual, equal, match } from "node:assert/strict";
import { JSON_TYPE, TEXT } from "../../support/fixture.ts";
import { CommandKit } from "./command_kit.ts";

/** A stream of three messages, of three bytes each. */
async function three(name = "a"): Promise<CommandKit> {
  const kit = new CommandKit();
  await kit.fixture.make(name, JSON_TYPE, "[1,2,3]");
  return kit;
}

Deno.test("trim lets go of what lies before an offset, and says nothing", async () => {
  const kit = await three();
  equal(await kit.ok(["trim", "a", "--before", kit.fixture.offset(6)]), "");
  equal(await kit.ok(["read", "a"]), "3\n");
  match(await kit.ok(["head", "a"]), new RegExp(`\\nearliest      ${kit.fixture.offset(6)}\\n`));
});

Deno.test("trim takes now, times and ages; --json says what is left", async () => {
  const kit = await three();
  const { clock } = kit.fixture;
  const trim = (before: string) =>
    kit.ok(["trim", "a", "--json", "--before", before], { clock }).then((text) => JSON.parse(text));
  const nextOffset = kit.fixture.offset(9);
  const whole = { name: "a", earliestOffset: kit.fixture.offset(0), nextOffset };
  deepEqual(await trim("1h"), whole);
  deepEqual(await trim("2020-01-31"), whole);
  deepEqual(await trim("now"), { ...whole, earliestOffset: nextOffset });
});

Deno.test("trim --prefix does all streams below it, and names each with what is left", async () => {
  const kit = await three("logs/a");
  await kit.fixture.make("logs/b", TEXT, "hello");
  await kit.fixture.make("other", TEXT, "hello");
  const text = await kit.ok(["trim", "--prefix", "logs/", "--before", "now"]);
  deepEqual(text.split("\n"), [
    `logs/a\t${kit.fixture.offset(9)}\t0B left`,
    `logs/b\t${kit.fixture.offset(5, 2)}\t0B left`,
    "",
  ]);
  equal(await kit.fixture.content("other"), "hello");
});

Deno.test("of several streams trim does the others where one isn't there, and exits as for that one", async () => {
  const kit = await three();
  const { code, stdout, stderr } = await kit.run(["trim", "missing", "a", "--before", "now"]);
  equal(code, 3);
  match(stderr, /missing/);
  match(stdout, /^a\t/);
  equal(await kit.fixture.content("a"), "[]");
});

Deno.test("trim needs to be told up to where", async () => {
  const kit = await three();
  const none = await kit.run(["trim", "a"]);
  equal(none.code, 2);
  match(none.stderr, /trim needs --before, up to where it trims; accepted: an offset, now/);
  for (const before of ["start", "-1", "", "2020-13-01"]) {
    const { code, stderr } = await kit.run(["trim", "a", `--before=${before}`]);
    equal(code, 2, before);
    match(stderr, /--before is ".*"; accepted: an offset, now/);
  }
  const inside = await kit.run(["trim", "a", "--before", kit.fixture.offset(4)]);
  equal(inside.code, 1);
  equal(await kit.fixture.content("a"), "[1,\n2,\n3]");
});

Deno.test("create gives a retention, configure changes it, head and list --json show it", async () => {
  const kit = new CommandKit();
  const limits = "7d, 10GiB, 1000 messages";
  await kit.ok(["create", "a", "--content-type", "text/plain", "--retention", limits]);
  match(await kit.ok(["head", "a"]), /\nretention {5}1w, 10GiB, 1000 messages\n/);
  equal(await kit.ok(["configure", "a", "--retention", "5MiB"]), "");
  const info = JSON.parse(await kit.ok(["head", "a", "--json"]));
  deepEqual(info.retention, { bytes: 5 * 2 ** 20 });
  const changed = JSON.parse(await kit.ok(["configure", "a", "--retention", "none", "--json"]));
  equal("retention" in changed, false);
  equal((await kit.fixture.head("a")).headers.get("stream-retention"), null);
});

Deno.test("configure without a change, or with limits that aren't any, is a usage error", async () => {
  const kit = await three();
  const none = await kit.run(["configure", "a"]);
  equal(none.code, 2);
  match(none.stderr, /configure needs what to change; accepted: --retention/);
  const wrong = await kit.run(["configure", "a", "--retention", "10GB"]);
  equal(wrong.code, 2);
  match(wrong.stderr, /--retention is "10GB"; accepted: none, or limits by commas/);
});

Deno.test("read from a trimmed offset exits 3 and says what to do; --skip-trimmed does it", async () => {
  const kit = await three();
  await kit.ok(["trim", "a", "--before", kit.fixture.offset(6)]);
  const from = ["read", "a", "--from", kit.fixture.offset(3)];
  const failed = await kit.run(from);
  equal(failed.code, 3);
  match(
    failed.stderr,
    new RegExp(`was trimmed: --from ${kit.fixture.offset(6)} reads what is left`),
  );
  const skipped = await kit.run([...from, "--skip-trimmed"]);
  equal(skipped.code, 0);
  equal(skipped.stdout, "3\n");
  match(
    skipped.stderr,
    /"a" was trimmed from \S+ to \S+ before that was read, 3B: reading goes on/,
  );
});

Deno.test("read and tail --json --ordinals say which message each is, also of the last ones", async () => {
  const kit = await three();
  await kit.ok(["trim", "a", "--before", kit.fixture.offset(3)]);
  const ordinals = async (args: readonly string[]) => {
    const text = await kit.ok([...args, "--json", "--ordinals"]);
    return text.trim().split("\n").map((line) => JSON.parse(line).ordinal);
  };
  deepEqual(await ordinals(["read", "a"]), [1, 2]);
  deepEqual(await ordinals(["read", "a", "--last", "1"]), [2]);
  deepEqual(await ordinals(["tail", "a", "-n", "2"]), [1, 2]);
  for (const command of ["read", "tail"]) {
    const { code, stderr } = await kit.run([command, "a", "--ordinals"]);
    equal(code, 2);
    match(stderr, /--ordinals shows nothing by itself; accepted: with --json/);
  }
});

Deno.test("tail of a trimmed stream with fewer lines than it wants has all that is left", async () => {
  const kit = new CommandKit();
  await kit.fixture.make("a", TEXT, "one\ntwo\nthree\n");
  await kit.ok(["trim", "a", "--before", kit.fixture.offset(4)]);
  equal(await kit.ok(["tail", "a", "-n", "10"]), "two\nthree\n");
});

Deno.test("of several streams one that was trimmed keeps no other from being printed", async () => {
  const kit = await three();
  const later = await kit.fixture.make("b", { "stream-forked-from": "/v1/stream/a" });
  equal(later, kit.fixture.offset(9));
  await kit.ok(["trim", "a", "--before", kit.fixture.offset(6)]);
  const { code, stdout, stderr } = await kit.run([
    "tail",
    "a",
    "b",
    "--from",
    kit.fixture.offset(3),
  ]);
  equal(code, 3);
  match(stderr, /what "a" at .* held there was trimmed/);
  match(stdout, /2\n3\n$/);
});
