import { equal, throws } from "node:assert/strict";
import { Hosts } from "../../../src/server/origins/hosts.ts";

const LOOPBACK = [
  "localhost",
  "localhost:4437",
  "LOCALHOST:4437",
  "localhost.",
  "localhost.:80",
  "127.0.0.1",
  "127.0.0.1:4437",
  "127.0.0.1.",
  "127.9.9.9:1",
  "127.1",
  "[::1]",
  "[::1]:4437",
  "[0:0:0:0:0:0:0:1]:4437",
];

for (const host of LOOPBACK) {
  Deno.test(`the Host ${host} is loopback's`, () => {
    equal(new Hosts([]).allows(`http://${host}/v1/stream/a?offset=-1`), true);
  });
}

const FOREIGN = [
  "evil.example",
  "evil.example:4437",
  "localhost.evil.example",
  "127.0.0.1.evil.example",
  "127.evil.example",
  "app.localhost",
  "0.0.0.0",
  "0.0.0.0:4437",
  "10.0.0.1",
  "[::]",
  "[::2]:4437",
  "[::ffff:10.0.0.1]",
  "localhost@evil.example",
  "evil.example@localhost",
  "localhost evil",
  "localhost:port",
  "",
];

for (const host of FOREIGN) {
  Deno.test(`the Host ${JSON.stringify(host)} is not loopback's, and * takes it`, () => {
    const hosts = new Hosts([]);
    const url = `http://${host}/v1/stream/a`;
    equal(hosts.allows(url), false);
    equal(hosts.allows("http://localhost/v1/stream/a"), true);
    equal(hosts.allows(url), false);
    equal(new Hosts("*").allows(url), true);
  });
}

Deno.test("text that only looks like a known host in the URL's path or query is none", () => {
  const hosts = new Hosts([]);
  for (
    const url of [
      "http://evil.example/http://localhost/",
      "http://evil.example/?http://localhost/",
      "http://localhost.evil.example/localhost/",
      "http://evil.example?/localhost/",
      "http://evil.example#@localhost/",
      "http://evil.example\\@localhost/",
      "//localhost/v1/stream/a",
      "/v1/stream/a",
    ]
  ) {
    equal(hosts.allows("http://localhost/v1"), true);
    equal(hosts.allows(url), false, url);
  }
});

Deno.test("names that are given are taken in any case, with any port, with a dot at the end", () => {
  const hosts = new Hosts(["App.Example, 192.168.0.7", "fd00::7\n[FD00::8]", "bücher.example"]);
  for (
    const host of [
      "app.example",
      "APP.example:8080",
      "app.example.",
      "192.168.0.7:4437",
      "[fd00::7]",
      "[fd00:0::7]:4437",
      "[fd00::8]",
      "xn--bcher-kva.example",
      "localhost:4437",
    ]
  ) equal(hosts.allows(`http://${host}/x`), true, host);
  for (const host of ["example", "x.app.example", "192.168.0.8", "[fd00::9]"]) {
    equal(hosts.allows(`http://${host}/x`), false, host);
  }
});

for (
  const name of [
    "app.example:80",
    "http://app.example",
    "app.example/x",
    "a@b",
    "[::1]:80",
    "1.2.3.4.5",
    "a?b",
    "%",
  ]
) {
  Deno.test(`the name ${JSON.stringify(name)} is refused, saying what is taken`, () => {
    throws(() => new Hosts(["ok.example", name]), {
      name: "RangeError",
      message: /^allowedHosts has ".*": expected \*, or host names and IP addresses without ports/,
    });
  });
}
