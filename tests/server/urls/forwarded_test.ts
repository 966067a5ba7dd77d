import { deepEqual } from "node:assert/strict";
import { type Forwarded, parseForwarded } from "../../../src/server/urls/forwarded.ts";
import type { Fields } from "../../support/fixture.ts";

const SAID: readonly (readonly [Fields, Forwarded])[] = [
  [{}, {}],
  [{ forwarded: "for=192.0.2.1" }, {}],
  [{ forwarded: "proto=https;host=app.example" }, { scheme: "https", host: "app.example" }],
  [{ forwarded: 'For="[2001:db8::1]:80";Proto=HTTPS ; Host="App.Example:8443"' }, {
    scheme: "https",
    host: "app.example:8443",
  }],
  [{ forwarded: 'host="\\a\\pp.example"' }, { host: "app.example" }],
  [{ forwarded: "proto=http;host=evil.example, proto=https;host=app.example" }, {
    scheme: "https",
    host: "app.example",
  }],
  [{ forwarded: 'for="a, host=evil.example", host=app.example' }, { host: "app.example" }],
  [{ forwarded: "host=evil.example, for=192.0.2.1" }, {}],
  [{ "x-forwarded-proto": "https", "x-forwarded-host": "app.example:8443" }, {
    scheme: "https",
    host: "app.example:8443",
  }],
  [{ "x-forwarded-proto": "http, https", "x-forwarded-host": "evil.example,app.example" }, {
    scheme: "https",
    host: "app.example",
  }],
  [{ "x-forwarded-host": "[2001:db8::1]:80" }, { host: "[2001:db8::1]:80" }],
  [{ "x-forwarded-port": "8443", "x-forwarded-prefix": "/api/" }, { port: "8443", prefix: "/api" }],
  [{ "x-forwarded-prefix": "/" }, { prefix: "" }],
  [{ "x-forwarded-prefix": "/a/b-c" }, { prefix: "/a/b-c" }],
  [{ forwarded: "proto=https", "x-forwarded-proto": "HTTPS" }, { scheme: "https" }],
  [{ forwarded: "proto=https", "x-forwarded-host": "app.example" }, {
    scheme: "https",
    host: "app.example",
  }],
];

for (const [headers, said] of SAID) {
  Deno.test(`${JSON.stringify(headers)} says ${JSON.stringify(said)}`, () => {
    deepEqual(parseForwarded(new Headers(headers)), said);
  });
}

const NOT_BELIEVED: readonly Fields[] = [
  { forwarded: "" },
  { forwarded: "host" },
  { forwarded: "host=" },
  { forwarded: "host=a b" },
  { forwarded: 'host="app.example' },
  { forwarded: "host=app.example;" },
  { forwarded: "host=app.example,," },
  { forwarded: "host=a.example;host=b.example" },
  { forwarded: "host=app.example:8443" },
  { forwarded: "proto=ftp" },
  { forwarded: 'host="app.example/x"' },
  { forwarded: 'host="user@app.example"' },
  { forwarded: 'host="app.example:99999"' },
  { forwarded: 'host="app.example#"' },
  { "x-forwarded-proto": "javascript" },
  { "x-forwarded-proto": "" },
  { "x-forwarded-host": "app.example/evil" },
  { "x-forwarded-host": "app.example\\evil" },
  { "x-forwarded-host": "user:pass@app.example" },
  { "x-forwarded-host": "app.example:x" },
  { "x-forwarded-host": "" },
  { "x-forwarded-port": "0" },
  { "x-forwarded-port": "65536" },
  { "x-forwarded-port": "80@evil.example" },
  { "x-forwarded-prefix": "api" },
  { "x-forwarded-prefix": "//evil.example" },
  { "x-forwarded-prefix": "/a/../b" },
  { "x-forwarded-prefix": "/a/." },
  { "x-forwarded-prefix": "/a?b" },
  { "x-forwarded-prefix": "/a#b" },
  { "x-forwarded-prefix": "/a\\b" },
  { forwarded: "proto=https", "x-forwarded-proto": "http" },
  { forwarded: "host=app.example", "x-forwarded-host": "evil.example" },
];

for (const headers of NOT_BELIEVED) {
  Deno.test(`${JSON.stringify(headers)} is not believed`, () => {
    deepEqual(parseForwarded(new Headers(headers)), undefined);
  });
}
