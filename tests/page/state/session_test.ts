import { deepEqual } from "node:assert/strict";
import { configure } from "../page_globals.ts";

configure({ access: true });
const { token } = await import("../../../src/page/api/request.ts");
const { health, hello } = await import("../../../src/page/state/feed.ts");
const { pinned, recent, rememberRecent, togglePin } = await import(
  "../../../src/page/state/marked_streams.ts"
);
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
