import { deepEqual, equal, throws } from "node:assert/strict";
import { Origins } from "../../../src/server/access/origins.ts";

const LOOPBACK = [
  "http://localhost",
  "http://localhost:3000",
  "https://localhost:8443",
  "http://127.0.0.1:5173",
  "http://127.1.2.3",
  "http://[::1]:3000",
  "https://[::1]",
];

for (const origin of LOOPBACK) {
  Deno.test(`${origin} is an origin of loopback`, () => {
    equal(new Origins("loopback").names(origin), true);
    equal(new Origins("*").names(origin), true);
    equal(new Origins("none").names(origin), false);
    equal(new Origins("https://app.example").names(origin), false);
  });
}

const FOREIGN = [
  "null",
  "",
  "http://evil.example",
  "http://localhost.evil.example",
  "http://127.0.0.1.evil.example",
  "http://127.evil.example:3000",
  "http://evil.example/localhost",
  "http://localhost:3000/",
  "http://localhost@evil.example",
  "http://localhost, http://evil.example",
  "http://evil.example#http://localhost",
  "http://128.0.0.1",
  "http://0.0.0.0:4437",
  "http://[::2]",
  "file://localhost",
  "ftp://localhost",
  "//localhost",
  "localhost",
];

for (const origin of FOREIGN) {
  Deno.test(`${JSON.stringify(origin)} is no origin of loopback`, () => {
    equal(new Origins("loopback").names(origin), false);
    equal(new Origins("*").names(origin), false);
  });
}

Deno.test("origins are named as people write them and met as browsers do", () => {
  const origins = new Origins([
    "HTTPS://App.Example/",
    "http://b.example:80,chrome-extension://abcdef",
    "capacitor://localhost",
    "https://bücher.example",
  ]);
  equal(origins.names("https://app.example"), true);
  equal(origins.names("http://b.example"), true);
  equal(origins.names("chrome-extension://abcdef"), true);
  equal(origins.names("capacitor://localhost"), true);
  equal(origins.names("https://xn--bcher-kva.example"), true);
  equal(origins.names("http://app.example"), false);
  equal(origins.names("https://app.example:8443"), false);
  equal(origins.names("https://sub.app.example"), false);
  equal(origins.names("http://localhost:3000"), false);
});

Deno.test("one answer for all pages where all may read, or only those of one origin", () => {
  equal(new Origins("*").sole, "*");
  equal(new Origins("*,https://a.example").sole, "*");
  equal(new Origins("https://a.example").sole, "https://a.example");
  equal(new Origins("https://a.example,https://b.example").sole, undefined);
  equal(new Origins("https://a.example,loopback").sole, undefined);
  equal(new Origins("loopback").sole, undefined);
  equal(new Origins("none").sole, undefined);
});

Deno.test("an empty list lets in none", () => {
  const origins = new Origins([]);
  deepEqual([origins.isOpen, origins.sole, origins.names("http://localhost")], [
    false,
    undefined,
    false,
  ]);
});

const WRONG = [
  "",
  " , ",
  "none,*",
  "app.example",
  "https://",
  "https://app.example/page",
  "https://app.example?x",
  "https://u:p@app.example",
  "https://*.example",
  "http://app.example:99999",
  "http://300.1.1.1",
  "null",
];

for (const value of WRONG) {
  Deno.test(`cors ${JSON.stringify(value)} is refused, saying what is taken`, () => {
    throws(() => new Origins(value), {
      name: "RangeError",
      message:
        /^cors is .*: expected \*, none, loopback, or origins such as https:\/\/app\.example/,
    });
  });
}
