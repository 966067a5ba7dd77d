import { deepEqual, rejects } from "node:assert/strict";
import { answerFetch } from "../page_globals.ts";
import { ApiError, call, token, tokenRefusal } from "../../../src/page/api/request.ts";

Deno.test("another token is asked for where this one was refused, and not where none was shown", async () => {
  answerFetch(() => Promise.resolve(new Response("", { status: 401 })));
  await rejects(call("http://localhost/"), ApiError);
  deepEqual(tokenRefusal.value, undefined);
  token.value = "ds_old";
  await rejects(call("http://localhost/"), ApiError);
  deepEqual(tokenRefusal.value, "The server answered with status 401.");
  tokenRefusal.value = undefined;
  const refused = rejects(call("http://localhost/"), ApiError);
  token.value = "ds_new";
  await refused;
  deepEqual(tokenRefusal.value, undefined);
});

Deno.test("a refusal says how long the server wants to be left alone, and whether another try may go well", async () => {
  const refusal = async (status: number, headers: Record<string, string> = {}) => {
    answerFetch(() => Promise.resolve(new Response("", { status, headers })));
    try {
      await call("http://localhost/");
    } catch (error) {
      return error instanceof ApiError ? [error.retryAfterMs, error.isPassing] : undefined;
    }
  };
  deepEqual(await refusal(503, { "retry-after": "7" }), [7_000, true]);
  deepEqual(await refusal(429, { "retry-after": "86400" }), [60_000, true]);
  deepEqual(await refusal(503, { "retry-after": "Fri, 31 Dec 2032 23:59:59 GMT" }), [0, true]);
  deepEqual(await refusal(404), [0, false]);
});
