import { equal, match } from "node:assert/strict";
import { openAuthority } from "../../../src/access/open_authority.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { withTempDir } from "../../support/temp_dir.ts";
import { CommandKit } from "./command_kit.ts";

const kit = new CommandKit();

Deno.test("link prints a link that a server with the same key file takes, until it expires", async () => {
  await withTempDir(async (dir) => {
    const clock = new ManualClock();
    const linkKey = `${dir}/links.json`;
    const environment = { DURABLE_STREAMS_LINK_KEY: linkKey };
    const link = async (...args: string[]) => {
      const result = await kit.run(["link", ...args], { environment, clock });
      equal(result.code, 0, result.stderr);
      return result.stdout.trim();
    };
    const first = await link("chats/a b", "--expires", "10m");
    match(first, /^http:\/\/localhost:4437\/v1\/stream\/chats\/a%20b\?ds-p=chats%2Fa\+b&ds-exp=/);
    const authority = await openAuthority({ linkKey }, { clock });
    const permit = (url: string) =>
      authority.authorize({ method: "GET", url, headers: new Headers() });
    const grants = async (url: string) => (await permit(url))?.grants.join();
    try {
      equal(await grants(first), "read chats/a b");
      const url = "https://x.example/s";
      equal(
        await grants(await link(`${url}/a`, "--url", url, "--verbs", "read,append")),
        "read,append a",
      );
      equal(await grants(await link("a", "--pattern", "a/**")), "read a/**");
      const rotated = await link("a", "--new-key");
      clock.advance(1_000);
      equal(await grants(rotated), "read a");
      equal(await grants(first), "read chats/a b");
    } finally {
      authority.close();
    }
  });
});

Deno.test("a link that can't be made says why", async () => {
  await withTempDir(async (dir) => {
    const key = ["--link-key", `${dir}/links.json`];
    const wrong: readonly (readonly [readonly string[], RegExp])[] = [
      [["a"], /link needs --link-key/],
      [["https://other.example/a", ...key], /no stream's URL below http:\/\/localhost:4437/],
      [["a", "--expires", "8d", ...key], /accepted: 1s to 1w/],
      [["a", "--verbs", "raed", ...key], /accepted: one or several of read, append/],
      [["a*b", ...key], /The pattern "a\*b" can't be used/],
    ];
    for (const [args, message] of wrong) {
      const { code, stderr } = await kit.run(["link", ...args]);
      equal(code, 2, args.join(" "));
      match(stderr, message);
    }
  });
});
