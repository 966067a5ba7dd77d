import { deepEqual as equal, match, ok } from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { ManualClock } from "../../support/manual_clock.ts";
import { withTempDir } from "../../support/temp_dir.ts";
import { CommandKit, type RunOptions } from "./command_kit.ts";

const SECRET = "s3cret-t0ken";

/** A kit whose server lets in who shows one of the good tokens, and what was shown. */
async function guarded(...good: string[]) {
  const kit = new CommandKit();
  await kit.ok(["append", "a", "--data", "x"]);
  const shown: string[] = [];
  const fetch: RunOptions["fetch"] = (url, init) => {
    const authorization = new Headers(init.headers).get("authorization") ?? "none";
    shown.push(authorization.replace("Bearer ", ""));
    return good.some((token) => authorization === `Bearer ${token}`)
      ? kit.fixture.app.request(url, init)
      : Response.json({ error: { code: "unauthenticated", message: "No." } }, { status: 401 });
  };
  return { kit, fetch, shown, good };
}

Deno.test("--token, its variable and --token-file say who a command is", async () => {
  const { kit, fetch } = await guarded("t");
  await withTempDir(async (dir) => {
    const file = `${dir}/token`;
    await writeFile(file, "  t\n");
    equal(await kit.ok(["read", "a", "--token", "t"], { fetch }), "x");
    equal(await kit.ok(["read", "a", "--token-file", file], { fetch }), "x");
    const variables = [{ DURABLE_STREAMS_TOKEN: "t" }, { DURABLE_STREAMS_TOKEN_FILE: file }];
    for (const environment of variables) {
      equal(await kit.ok(["read", "a"], { fetch, environment }), "x");
    }
  });
});

Deno.test("a flag on the command line wins over a variable, two of one kind are refused", async () => {
  const { kit, fetch } = await guarded("t");
  await withTempDir(async (dir) => {
    const file = `${dir}/token`;
    await writeFile(file, "t");
    const wrong = { DURABLE_STREAMS_TOKEN: "wrong" };
    equal(await kit.ok(["read", "a", "--token", "t"], { fetch, environment: wrong }), "x");
    equal(await kit.ok(["read", "a", "--token-file", file], { fetch, environment: wrong }), "x");
    const environment = { DURABLE_STREAMS_TOKEN_FILE: "/nowhere" };
    equal(await kit.ok(["read", "a", "--token", "t"], { fetch, environment }), "x");
    const both = await kit.run(["read", "a", "--token", "t", "--token-file", file], { fetch });
    equal(both.code, 2);
    match(both.stderr, /--token and --token-file both say who this is; accepted: one of them/);
  });
});

Deno.test("a command without a token, or with a bad one, says what would bring one", async () => {
  const { kit, fetch, shown } = await guarded();
  for (const args of [[], ["--token", SECRET]]) {
    const { code, stderr } = await kit.run(["read", "a", ...args], { fetch });
    equal(code, 1);
    match(stderr, /refused this \(401\): No; credentials go in by --token, --token-file or/);
    ok(!stderr.includes(SECRET), stderr);
  }
  equal(shown, ["none", SECRET]);
});

Deno.test("a missing right is told as that", async () => {
  const { kit } = await guarded();
  const fetch = () => new Response("Not yours.", { status: 403 });
  const { code, stderr } = await kit.run(["read", "a", "--token", SECRET], { fetch });
  equal(code, 1);
  match(stderr, /refused this \(403\): Not yours; the token given is good, but not for this/);
});

Deno.test("a token that can't be one is refused and not shown", async () => {
  const { kit, fetch } = await guarded();
  const bad = `${SECRET} x`;
  const given = [
    await kit.run(["read", "a", "--token", bad], { fetch }),
    await kit.run(["read", "a"], { fetch, environment: { DURABLE_STREAMS_TOKEN: bad } }),
    await kit.run(["read", "a", "--header", `Authorization Bearer ${bad}`], { fetch }),
  ];
  for (const { code, stderr, stdout } of given) {
    equal(code, 2);
    match(stderr, /is something else; accepted: (printable ASCII without spaces|Name: value)/);
    ok(!(stderr + stdout).includes(SECRET), stderr);
  }
});

Deno.test("a token file that is missing, empty or no token is told before anything is sent", async () => {
  const { kit, fetch, shown } = await guarded();
  await withTempDir(async (dir) => {
    const file = `${dir}/token`;
    const missing = await kit.run(["read", "a", "--token-file", file], { fetch });
    equal(missing.code, 2);
    match(missing.stderr, /The token file "\S+" can't be read: there is no such file/);
    for (const [text, says] of [["\n", /is empty/], [`${SECRET}\n${SECRET}`, /holds more than/]]) {
      await writeFile(file, String(text));
      const { code, stderr } = await kit.run(["read", "a", "--token-file", file], { fetch });
      equal(code, 2);
      match(stderr, says instanceof RegExp ? says : /./);
      ok(!stderr.includes(SECRET), stderr);
    }
  });
  equal(shown, []);
});

Deno.test("a token file is read again when the server refuses its token", async () => {
  const { kit, fetch, shown, good } = await guarded("old");
  await withTempDir(async (dir) => {
    const file = `${dir}/token`;
    await writeFile(file, "old");
    const rotating: RunOptions["fetch"] = async (url, init) => {
      // Rotated behind the command's back after its first request.
      if (shown.length === 1) {
        good.splice(0, 1, "new");
        await writeFile(file, "new");
      }
      return await (fetch ?? globalThis.fetch)(url, init);
    };
    const args = ["append", "a", "--data", "y", "--token-file", file];
    await kit.ok(args, { fetch: rotating, clock: new ManualClock() });
    equal(shown, ["old", "old", "new"]);
  });
  equal(await kit.ok(["read", "a", "--token", "new"], { fetch }), "xy");
});

Deno.test("a token file that changes is noticed before the server refuses", async () => {
  const { kit, fetch, shown } = await guarded("old", "new");
  const clock = new ManualClock();
  await withTempDir(async (dir) => {
    const file = `${dir}/token`;
    await writeFile(file, "old");
    const rotating: RunOptions["fetch"] = async (url, init) => {
      const response = await (fetch ?? globalThis.fetch)(url, init);
      await writeFile(file, "new");
      clock.advance(1_000);
      return response;
    };
    await kit.ok(["append", "a", "--data", "y", "--token-file", file], { fetch: rotating, clock });
    equal(shown, ["old", "new"]);
  });
});

Deno.test("a signed link is read without a token, and nothing of it is printed where it fails", async () => {
  const { kit } = await guarded();
  const link = `http://localhost:4437/v1/stream/a?ds-exp=1893456000&ds-sig=${SECRET}`;
  const urls: string[] = [];
  const authorizations: (string | null)[] = [];
  const fetch: RunOptions["fetch"] = (url, init) => {
    urls.push(url);
    authorizations.push(new Headers(init.headers).get("authorization"));
    return kit.fixture.app.request(url, init);
  };
  const environment = { DURABLE_STREAMS_TOKEN: "other" };
  equal(await kit.ok(["read", link], { fetch, environment }), "x");
  equal(await kit.ok(["tail", link], { fetch, environment }), "x");
  ok(urls.length >= 2 && urls.every((url) => new URL(url).searchParams.get("ds-sig") === SECRET));
  ok(authorizations.every((authorization) => authorization === null));
  const failures = [
    await kit.run(["read", link.replace("/a?", "/b?")], { fetch }),
    await kit.run(["read", `${link}&x=1`], { fetch }),
    await kit.run(["tail", link, "http://localhost:4437/v1/stream/a"], { fetch }),
    await kit.run(["tail", link, "b"], { fetch }),
    await kit.run(["read", link], {
      fetch: (url) => {
        throw new TypeError(`error sending request for url (${url})`);
      },
    }),
    await kit.run(["read", "b", "--url", `http://ada:${SECRET}@localhost/v1/stream?k=${SECRET}`]),
  ];
  for (const { code, stderr, stdout } of failures) {
    ok(code !== 0);
    ok(stderr !== "" && !(stderr + stdout).includes(SECRET), stderr);
  }
});

Deno.test("the commands of other tools that say who they are lead to --token", async () => {
  const { kit } = await guarded();
  for (const flag of ["--bearer", "--auth"]) {
    const { code, stderr } = await kit.run(["read", "a", flag, SECRET]);
    equal(code, 2);
    match(stderr, /--token/);
    ok(!stderr.includes(SECRET), stderr);
  }
});
