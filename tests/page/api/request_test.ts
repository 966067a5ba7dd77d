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
