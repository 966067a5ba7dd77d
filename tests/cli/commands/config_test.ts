import { deepEqual, equal, match } from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeUtf8 } from "../../../src/protocol/bytes.ts";
import { CommandKit } from "./command_kit.ts";
import { withTempDir } from "../../support/temp_dir.ts";

const kit = new CommandKit();

async function withFile(source: string, test: (path: string) => Promise<void>): Promise<void> {
  await withTempDir(async (dir) => {
    const path = join(dir, "streams.toml");
    writeFileSync(path, source);
    await test(path);
  });
}

Deno.test("config check of a right file says so", () =>
  withFile('port = 81\nhost = "::1"\n', async (path) => {
    const { code, stdout } = await kit.run(["config", "check", path]);
    deepEqual([code, stdout], [0, `${path} is right: 2 settings in effect\n`]);
    equal((await kit.run(["config", "check", "--config", path])).code, 0);
  }));

Deno.test("config check names all mistakes by line and exits 2", () =>
  withFile('port = 70000\n\nfsnyc = "never"\n', async (path) => {
    const { code, stdout, stderr } = await kit.run(["config", "check", path]);
    deepEqual([code, stdout], [2, ""]);
    deepEqual(stderr.trimEnd().split("\n"), [
      `durable-streams: ${path}:1:8: port is 70000; accepted: a whole number from 0 to 65535`,
      `durable-streams: ${path}:3:1: "fsnyc" is no setting; did you mean fsync?`,
    ]);
  }));

Deno.test("config check finds settings that don't go together, and says where they are from", () =>
  withFile('\nmax-append-bytes = "1GiB"\n', async (path) => {
    const { code, stderr } = await kit.run(["config", "check", path]);
    equal(code, 2);
    match(stderr, /--max-append-bytes is 1GiB and --max-queued-bytes only 64MiB/);
    match(stderr, /--max-append-bytes is from .*streams\.toml:2/);
  }));

Deno.test("config check finds a rule of access that can't be read, and tokens that aren't there", () =>
  withFile(
    '[[access.rule]]\ngrants = ["read **"]\n[[access.rule]]\ngrants = ["reed **"]\n',
    async (path) => {
      match(
        (await kit.run(["config", "check", path])).stderr,
        /:3:1: access\.rule\[1\]\.grants\[0\]/,
      );
      const missing = ["config", "check", "--tokens", `${path}.none`, "--config"];
      await withFile("port = 81\n", async (right) => {
        const { code, stderr } = await kit.run([...missing, right]);
        equal(code, 2);
        match(stderr, /\.none/);
      });
    },
  ));

Deno.test("serve with a file that is wrong, or isn't there, exits 2 before anything is opened", () =>
  withFile("port = 70000\n", async (path) => {
    equal((await kit.run(["serve", "--config", path])).code, 2);
    const { code, stderr } = await kit.run(["--config", `${path}.none`]);
    equal(code, 2);
    match(stderr, /the configuration ".*none" can't be read: there is no such file/);
    const { stderr: directory } = await kit.run(["config", "check", "/"]);
    match(directory, /"\/" can't be read: it is a directory/);
  }));

Deno.test("config show prints each setting and where it is from, as a file that says the same", () =>
  withFile(
    'port = 81\nchunk-bytes = "8KiB"\ncors = ["https://a.test", "loopback"]\n',
    async (path) => {
      const environment = { DURABLE_STREAMS_CHUNK_BYTES: "16KiB" };
      const args = ["config", "show", "--config", path, "--host", "::1"];
      const { code, stdout } = await kit.run(args, { environment });
      equal(code, 0);
      match(stdout, new RegExp(`^port = 81 +# ${path}:1$`, "m"));
      match(stdout, /^chunk-bytes = "16KiB" +# DURABLE_STREAMS_CHUNK_BYTES$/m);
      match(stdout, /^host = "::1" +# --host$/m);
      match(stdout, /^cors = \["https:\/\/a\.test","loopback"\] +# .*:3$/m);
      match(stdout, /^fsync = "always" +# default$/m);
      match(stdout, /^# listing = on where --host is a loopback address, else off +# default$/m);
      await withFile(stdout, async (again) => {
        const second = await kit.run(["config", "show", "--config", again]);
        const settings = (text: string) => text.replaceAll(/ +# .*$/gm, "");
        equal(settings(second.stdout), settings(stdout));
      });
    },
  ));

Deno.test("config show of a cluster's front end is a file that says the same", () =>
  withFile('storage = "nats"\nnats = "nats://a:4222"\n', async (path) => {
    const { stdout } = await kit.run(["config", "show", "--config", path]);
    match(stdout, /^dir = /m);
    await withFile(stdout, async (again) => {
      equal((await kit.run(["config", "check", again])).code, 0);
    });
  }));

Deno.test("a default that a cluster's file writes in its own way contradicts nothing", () =>
  withFile(
    'storage = "nats"\nnats = "nats://a:4222"\nfsync-interval = "1000ms"\nwal-bytes = "262144KiB"\n',
    async (path) => {
      const { code, stderr } = await kit.run(["config", "check", path]);
      equal(code, 0, stderr);
    },
  ));

Deno.test("config show masks a URL's password", async () => {
  const { stdout } = await kit.run(["config", "show", "--dir", "http://u:geheim@host/x"]);
  match(stdout, /^dir = "http:\/\/u:\*\*\*@host\/x"/m);
});

Deno.test("config without an action, or with another, says which there are", async () => {
  match((await kit.run(["config"])).stderr, /config needs ACTION, check or show/);
  match((await kit.run(["config", "reload"])).stderr, /"reload" is unknown; accepted: check, show/);
  match((await kit.run(["config", "check"])).stderr, /config check needs FILE/);
});

Deno.test("a value that isn't taken is shown without the password of its URL", async () => {
  const url = "http://u:geheim@login.example/keys";
  const flag = await kit.run(["--jwt-jwks-url", url]);
  const variable = await kit.run([], { environment: { DURABLE_STREAMS_JWT_JWKS_URL: url } });
  for (const { code, stderr } of [flag, variable]) {
    equal(code, 2);
    match(stderr, /"http:\/\/u:\*\*\*@login\.example\/keys"; accepted/);
  }
  await withFile(`jwt-jwks-url = "${url}"\n`, async (path) => {
    const { stderr } = await kit.run(["config", "check", path]);
    match(stderr, /:1:16: jwt-jwks-url is "http:\/\/u:\*\*\*@login\.example\/keys"; accepted/);
  });
});

Deno.test("a configuration that isn't UTF-8 is no configuration", () =>
  withFile("", async (path) => {
    Deno.writeFileSync(path, Uint8Array.of(...encodeUtf8('dir = "'), 0xe9, ...encodeUtf8('"\n')));
    const { code, stderr } = await kit.run(["config", "check", path]);
    equal(code, 2);
    match(stderr, /can't be read: it isn't UTF-8/);
  }));
