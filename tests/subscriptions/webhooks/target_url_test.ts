import { equal, ok } from "node:assert/strict";
import { StreamError } from "../../../src/protocol/errors.ts";
import {
  checkWebhookUrl,
  connectionProblem,
} from "../../../src/subscriptions/webhooks/target_url.ts";
import { FORBIDDEN_ADDRESSES, HOSTILE, LOOPBACK, PUBLIC } from "./url_table.ts";

const PRODUCTION = { allowLoopback: false };
const DEVELOPMENT = { allowLoopback: true };

function rejection(url: string, rules: { allowLoopback: boolean }): string {
  try {
    checkWebhookUrl(url, rules);
  } catch (error) {
    ok(error instanceof StreamError);
    equal(error.code, "webhook_url_rejected");
    return error.message;
  }
  throw new Error(`${url} was accepted`);
}

Deno.test("each hostile URL is rejected, whether loopback is accepted or not (§6.2, §12.8)", () => {
  ok(HOSTILE.length >= 60);
  for (const [url, problem] of HOSTILE) {
    for (const rules of [PRODUCTION, DEVELOPMENT]) {
      const message = rejection(url, rules);
      ok(problem.test(message), `${url}: ${message} doesn't match ${problem}`);
    }
  }
});

Deno.test("URLs of the Internet are accepted (§6.2)", () => {
  ok(PUBLIC.length >= 20);
  for (const [url, host] of PUBLIC) {
    for (const rules of [PRODUCTION, DEVELOPMENT]) {
      const target = checkWebhookUrl(url, rules);
      equal(target.host, host, url);
      equal(target.isLoopback, false, url);
      equal(target.isAddress, /^\d+\.\d+\.\d+\.\d+$|:/.test(host), url);
    }
  }
});

Deno.test("URLs of this machine are accepted only where that is allowed (§6.2)", () => {
  for (const [url, host] of LOOPBACK) {
    const target = checkWebhookUrl(url, DEVELOPMENT);
    equal(target.host, host, url);
    equal(target.isLoopback, true, url);
    ok(/the server's own machine.*Give the https URL.*listens on loopback/s.test(
      rejection(url, PRODUCTION),
    ));
  }
});

Deno.test("no credentials are in the message of a rejected URL", () => {
  for (
    const url of [
      "https://user:s3cret@worker.example/",
      "https://s3cret@worker.example/",
      "https://user:s3cret@10.0.0.1/",
      "ftp://user:s3cret@worker.example/",
      "https://user:pa/s3cret@worker.example/",
      "https://user:s3cret@worker.example:99999/",
      "https://user:s3cret\\@worker.example/",
      "https://user:s3@cret:s3cret@worker.example/",
      "user:s3cret@worker.example/",
      "https://user:s3cret\n@worker.example/",
      `https://user:s3cret@worker.example/${"x".repeat(3000)}`,
    ]
  ) {
    const message = rejection(url, DEVELOPMENT);
    ok(!message.includes("s3cret") && message.includes("***@"), message);
  }
});

Deno.test("the message names the URL, quoted and cut", () => {
  ok(
    rejection("https://10.0.0.1/hook", PRODUCTION).startsWith(
      'The webhook URL "https://10.0.0.1/hook" names a private address: 10.0.0.1. Give the https URL',
    ),
  );
  ok(rejection(`https://a.example/${"x".repeat(5000)}`, PRODUCTION).length < 400);
});

Deno.test("a name of the Internet connects to public addresses only (§12.8)", () => {
  const target = checkWebhookUrl("https://worker.example/", DEVELOPMENT);
  for (const address of FORBIDDEN_ADDRESSES) ok(connectionProblem(target, address), address);
  for (const address of ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "169.253.255.255"]) {
    equal(connectionProblem(target, address), undefined, address);
  }
});

Deno.test("localhost connects to loopback only, whatever it resolves to", () => {
  const target = checkWebhookUrl("http://localhost/", DEVELOPMENT);
  for (const address of ["127.0.0.1", "127.8.8.8", "::1"]) {
    equal(connectionProblem(target, address), undefined, address);
  }
  for (const address of ["8.8.8.8", "10.0.0.1", "::ffff:127.0.0.1", "0.0.0.0", "::"]) {
    equal(connectionProblem(target, address), "another machine's address", address);
  }
});
