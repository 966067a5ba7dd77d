import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import { Command } from "commander";
import { addFlags, readFlags } from "../../../src/cli/flags/flag_values.ts";
import { natsOptions } from "../../../src/cli/flags/nats_flags.ts";
import { serveFlags as flags } from "../../../src/cli/flags/serve_flags.ts";
import { UsageError } from "../../../src/cli/flags/usage_error.ts";
import { checkStorage, whereStreamsAre } from "../../../src/cli/serve/storage_settings.ts";

const CLUSTER = ["--storage", "nats", "--nats", "nats://a:4222,tls://b"];

function read(args: readonly string[], environment: Record<string, string> = {}) {
  const command = new Command("test").exitOverride().configureOutput({ outputError: () => {} });
  addFlags(command, flags);
  command.parse(args, { from: "user" });
  return readFlags(command, flags, environment);
}

function refusal(args: readonly string[]): string {
  let message = "";
  throws(() => checkStorage(read(args)), (error) => {
    ok(error instanceof UsageError);
    message = error.message;
    return true;
  });
  return message;
}

Deno.test("servers come by commas and by flags, and the storage has three replicas", () => {
  const options = natsOptions(read([...CLUSTER, "--nats", "c:4333"]));
  deepEqual(options.servers, ["nats://a:4222", "tls://b", "c:4333"]);
  equal(options.replicas, 3);
  equal(options.shards, undefined);
  equal(options.newShards, 3);
  equal(options.tls, undefined);
});

Deno.test("one server alone has one replica", () => {
  equal(natsOptions(read(["--storage", "nats", "--nats", "nats://a"])).replicas, 1);
});

Deno.test("a server that is none is refused, and a password isn't shown", () => {
  throws(
    () => read(["--nats", "http://a"]),
    /--nats is "http:\/\/a"; accepted: nats:\/\/host:4222/,
  );
  throws(() => read(["--nats", "http://me:secret@a"]), (error) => {
    ok(error instanceof UsageError);
    return !error.message.includes("secret");
  });
  const shown = whereStreamsAre(read(["--storage", "nats", "--nats", "nats://me:secret@a:4222"]));
  deepEqual(shown, { nats: "nats://a:4222" });
  const withoutScheme = ["--nats", "me:secret@a,token@b:4333", "--nats", "tls://token@c"];
  deepEqual(whereStreamsAre(read(["--storage", "nats", ...withoutScheme])), {
    nats: "nats://a:4222,nats://b:4333,tls://c:4222",
  });
});

Deno.test("a cluster needs servers, and flags of a cluster need a cluster", () => {
  match(refusal(["--storage", "nats"]), /without --nats; accepted: .*--nats nats:\/\/a:4222/);
  match(refusal(["--nats", "nats://a"]), /--nats is of --storage nats, and --storage is file/);
  match(refusal(["--storage", "memory", "--replicas", "3"]), /--replicas is of --storage nats/);
});

Deno.test("flags of a directory are refused with a cluster, but not variables of an image", () => {
  match(
    refusal([...CLUSTER, "--dir", "/data"]),
    /--dir is for streams that are kept in a directory/,
  );
  match(refusal([...CLUSTER, "--dir", "none"]), /--dir is for streams/);
  match(refusal([...CLUSTER, "--fsync", "always"]), /their own sync_interval says/);
  match(refusal([...CLUSTER, "--quota", "a/** = 1GiB"]), /a quota, and .* isn't counted/);
  checkStorage(read([...CLUSTER, "--quota", "none"]));
  checkStorage(read([...CLUSTER, "--retention", "a/** = 1d"]));
  checkStorage(read(CLUSTER, { DURABLE_STREAMS_DIR: "/data" }));
  checkStorage(read([], { DURABLE_STREAMS_REPLICAS: "3" }));
});

Deno.test("an even number of replicas and half of a certificate are refused", () => {
  match(refusal([...CLUSTER, "--replicas", "2"]), /--replicas is 2, .*; accepted: 1, 3 or 5/);
  match(refusal([...CLUSTER, "--nats-tls-key", "k"]), /--nats-tls-key .* without --nats-tls-cert/);
  const both = ["--nats-credentials", "c", "--nats-nkey", "n"];
  match(refusal([...CLUSTER, ...both]), /both given; accepted: one of them/);
});
