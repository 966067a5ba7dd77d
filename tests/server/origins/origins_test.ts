import { deepEqual, equal, throws } from "node:assert/strict";
import { Origins } from "../../../src/server/origins/origins.ts";

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
    equal(new Origins("loopback").allows(origin), true);
    equal(new Origins("*").allows(origin), true);
    equal(new Origins("none").allows(origin), false);
    equal(new Origins("https://app.example").allows(origin), false);
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
    equal(new Origins("loopback").allows(origin), false);
    equal(new Origins("*").allows(origin), false);
  });
}

Deno.test("origins are named as people write them and met as browsers do", () => {
  const origins = new Origins([
    "HTTPS://App.Example/",
    "http://b.example:80,chrome-extension://abcdef",
    "capacitor://localhost",
    "https://bücher.example",
  ]);
  equal(origins.allows("https://app.example"), true);
  equal(origins.allows("http://b.example"), true);
  equal(origins.allows("chrome-extension://abcdef"), true);
  equal(origins.allows("capacitor://localhost"), true);
  equal(origins.allows("https://xn--bcher-kva.example"), true);
  equal(origins.allows("http://app.example"), false);
  equal(origins.allows("https://app.example:8443"), false);
  equal(origins.allows("https://sub.app.example"), false);
  equal(origins.allows("http://localhost:3000"), false);
});

Deno.test("one response for all pages where all may read, or only those of one origin", () => {
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
  deepEqual([origins.isOpen, origins.sole, origins.allows("http://localhost")], [
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
