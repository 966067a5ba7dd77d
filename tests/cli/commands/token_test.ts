import { deepEqual, equal, match, ok } from "node:assert/strict";
import { decodeTokenFile, encodeTokenFile } from "../../../src/access/tokens/token_file.ts";
import { hashToken } from "../../../src/access/tokens/token.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { withTempDir } from "../../support/temp_dir.ts";
import { CommandKit } from "./command_kit.ts";

const kit = new CommandKit();
const CREATE = ["token", "create", "--subject", "ann", "--grant", "read,append chats/{sub}/**"];

Deno.test("token create prints a token once, and its file has only the hash, for its user alone", async () => {
  await withTempDir(async (dir) => {
    const path = `${dir}/tokens.jsonl`;
    const clock = new ManualClock();
    const more = ["--grant", "list **", "--expires", "30d", "--tokens", path];
    const { code, stdout } = await kit.run([...CREATE, ...more], { clock });
    equal(code, 0);
    match(stdout, /^ds_[\w-]{43}\n$/);
    const [record] = decodeTokenFile(Deno.readFileSync(path), path);
    ok(record !== undefined);
    deepEqual(record, {
      id: record.id,
      sha256: hashToken(stdout.trim()).toString("hex"),
      subject: "ann",
      grants: ["read,append chats/{sub}/**", "list **"],
      createdAtMs: clock.nowMs(),
      expiresAtMs: clock.nowMs() + 30 * 86_400_000,
    });
    equal((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
    equal((await kit.run([...CREATE, "--json", "--tokens", path], { clock })).code, 0);
    equal(decodeTokenFile(Deno.readFileSync(path), path).length, 2);
    deepEqual([...Deno.readDirSync(dir)].map(({ name }) => name), ["tokens.jsonl"]);
  });
});

Deno.test("token list shows no token, and token revoke ends one by its id", async () => {
  await withTempDir(async (dir) => {
    const path = `${dir}/tokens.jsonl`;
    const environment = { DURABLE_STREAMS_TOKENS: path };
    const clock = new ManualClock();
    const run = (...args: string[]) => kit.run(args, { environment, clock });
    const created = await kit.run([...CREATE, "--json"], { environment, clock });
    const { id, token } = JSON.parse(created.stdout);
    equal(
      (await run("token", "list")).stdout,
      `${id}  ann  never expires  read,append chats/{sub}/**\n`,
    );
    equal((await run("token", "revoke", id)).code, 0);
    const before = Deno.readTextFileSync(path);
    clock.advance(1_000);
    equal((await run("token", "revoke", id)).code, 0);
    equal(Deno.readTextFileSync(path), before, "a token is revoked once");
    match((await run("token", "list")).stdout, /ann +revoked 2026-01-01T00:00:00\.000Z +read/);
    const { stdout } = await run("token", "list", "--json");
    equal(JSON.parse(stdout).revokedAt, "2026-01-01T00:00:00.000Z");
    for (const text of [stdout, before]) ok(!text.includes(token) && token.length > 40);
    const missing = await run("token", "revoke", "nobody");
    equal(missing.code, 1);
    match(missing.stderr, /has no token "nobody"/);
    deepEqual([...Deno.readDirSync(dir)].map(({ name }) => name), ["tokens.jsonl"]);
  });
});

Deno.test("a token command that can't be right says what would be", async () => {
  await withTempDir(async (dir) => {
    const path = `${dir}/tokens.jsonl`;
    const wrong: readonly (readonly [readonly string[], RegExp])[] = [
      [["token", "make", "--tokens", path], /can't "make"; accepted: create, list, revoke/],
      [["token", "list"], /token list needs --tokens/],
      [["token", "revoke", "--tokens", path], /token revoke needs ID/],
      [["token", "list", "x", "--tokens", path], /token list takes no "x"/],
      [["token", "create", "--tokens", path], /needs --subject and --grant/],
      [["token", "list", "--tokens", path, "--subject", "x"], /--subject is for token create/],
      [[...CREATE, "--grant", "raed x", "--tokens", path], /accepted: VERBS PATTERN such as/],
    ];
    for (const [args, message] of wrong) {
      const { code, stderr } = await kit.run(args);
      equal(code, 2, args.join(" "));
      match(stderr, message);
    }
    const list = await kit.run(["token", "list", "--tokens", path]);
    equal(list.code, 1);
    match(list.stderr, /tokens\.jsonl can't be read: there is no such file/);
    Deno.writeTextFileSync(path, "mine");
    const broken = await kit.run([...CREATE, "--tokens", path]);
    equal(broken.code, 1);
    match(broken.stderr, /line 1 is no JSON object/);
    equal(Deno.readTextFileSync(path), "mine");
    Deno.writeTextFileSync(`${path}.new`, "");
    const busy = await kit.run([...CREATE, "--tokens", path]);
    equal(busy.code, 1);
    match(busy.stderr, /another command is changing .*remove .*tokens\.jsonl\.new/);
  });
});

Deno.test("a token file that is full takes no more tokens, and still has room to revoke each of them", async () => {
  await withTempDir(async (dir) => {
    const path = `${dir}/tokens.jsonl`;
    const clock = new ManualClock();
    const records = Array.from({ length: 23_000 }, (_, i) => ({
      id: `t${i}`,
      sha256: i.toString(16).padStart(64, "0"),
      subject: "ann",
      grants: ["read **"],
      createdAtMs: 0,
    }));
    Deno.writeFileSync(path, encodeTokenFile(records));
    const full = await kit.run([...CREATE, "--tokens", path], { clock });
    equal(full.code, 1);
    equal(full.stdout, "");
    match(full.stderr, /expected at most 4194304\. Remove the lines of tokens that have ended/);
    equal((await kit.run(["token", "revoke", "--tokens", path, "t7"], { clock })).code, 0);
    deepEqual([...Deno.readDirSync(dir)].map(({ name }) => name), ["tokens.jsonl"]);
  });
});
