import { deepEqual, equal } from "node:assert/strict";
import { configure } from "../page_globals.ts";

configure({ access: true });
const { token } = await import("../../../src/page/api/request.ts");
const { health, hello } = await import("../../../src/page/state/feed.ts");
const { pinned, recent, rememberRecent, togglePin } = await import(
  "../../../src/page/state/marked_streams.ts"
);
const { may } = await import("../../../src/page/state/rights.ts");
const { signIn, signOut } = await import("../../../src/page/state/session.ts");

Deno.test("whoever signs out leaves nothing to the next one that a token is needed for", () => {
  signIn(" ds_a ");
  rememberRecent("secret/a");
  togglePin("secret/b");
  health.value = { status: "full", reason: "/srv/secret has no room" };
  signOut();
  deepEqual(
    [token.value, recent.value, pinned.value, hello.value, health.value],
    [undefined, [], [], undefined, undefined],
  );
});

Deno.test("what was said to one token isn't offered to the next before the server has said so again", () => {
  signIn("ds_admin");
  const verbs = { append: true };
  hello.value = {
    version: "1",
    runtime: "",
    uptimeMs: 0,
    storage: "memory",
    access: true,
    verbs,
    grants: null,
    listing: true,
    now: 0,
  };
  equal(may("append", "a"), true);
  signIn("ds_reader");
  equal(may("append", "a"), false);
  equal(hello.value, undefined);
  signOut();
});
