import { deepEqual, equal, throws } from "node:assert/strict";
import { Command } from "commander";
import { accessSettings } from "../../../src/cli/flags/access_flags.ts";
import { addFlags, readFlags } from "../../../src/cli/flags/flag_values.ts";
import { serveFlags } from "../../../src/cli/flags/serve_flags.ts";

const KEYS = ["--jwt-key", "keys.json", "--jwt-audience", "a"];

function settings(
  args: readonly string[],
  host = "127.0.0.1",
  extra: Record<string, unknown> = {},
) {
  const command = new Command("test").exitOverride();
  addFlags(command, serveFlags);
  command.parse(args, { from: "user" });
  const file = { path: "x.toml", texts: new Map(), extra };
  return accessSettings(readFlags(command, serveFlags, {}, file), host);
}

Deno.test("a server that other machines reach has access control, or is told --insecure", () => {
  equal(settings([]), undefined);
  for (const host of ["::1", "localhost", "127.0.0.2"]) equal(settings([], host), undefined);
  for (const host of ["0.0.0.0", "::", "192.0.2.1", "streams.example"]) {
    throws(() => settings([], host), /^UsageError: --host is .*--tokens, --jwt-key.*--insecure/);
    equal(settings(["--insecure"], host), undefined);
    equal(settings(["--tokens", "f"], host)?.tokens, "f");
    equal(settings(["--link-key", "f"], host)?.linkKey, "f");
    throws(() => settings(["--tokens", "f", "--insecure"], host), /accepted: one of both/);
  }
});

Deno.test("the flags of JWTs make settings, and say what doesn't go together", () => {
  deepEqual(settings([...KEYS, "--jwt-issuer", "i", "--jwt-clock-tolerance", "1m"]), {
    jwt: { keyFile: "keys.json", audience: "a", issuer: "i", clockToleranceMs: 60_000 },
    maxVerdicts: 10_000,
  });
  throws(() => settings(["--jwt-key", "f"]), /--jwt-audience is missing/);
  throws(() => settings(["--jwt-audience", "a"]), /no keys of JWTs/);
  throws(() => settings([...KEYS, "--jwt-jwks-url", "https://a.example/"]), /accepted: one/);
  throws(() => settings(["--jwt-jwks-url", "http://a.example/"]), /accepted: an https URL/);
});

Deno.test("the configuration's rules are among the settings", () => {
  const rules = [{ claims: { role: "support" }, grants: ["read chats/**"] }];
  deepEqual(settings(KEYS, "127.0.0.1", { "access.rule": rules })?.rules, rules);
  equal(settings(KEYS)?.rules, undefined);
});

Deno.test("rules for JWTs that nobody takes are refused: a server would be open that looks guarded", () => {
  const extra = { "access.rule": [{ grants: ["read chats/**"] }] };
  throws(() => settings([], "127.0.0.1", extra), /access\.rule says .*accepted: with --jwt-key/);
  throws(() => settings(["--tokens", "f"], "127.0.0.1", extra), /accepted: with --jwt-key/);
});
