import { equal } from "node:assert/strict";
import { CommandKit } from "./command_kit.ts";

/** A server that tells of what it has already without an offset, as others do (PROTOCOL §5.2.1). */
function withBareDuplicates(kit: CommandKit) {
  return async (url: string, init: RequestInit) => {
    const response = await kit.fixture.app.request(url, init);
    const isDuplicate = response.status === 204 && response.headers.has("producer-seq");
    if (!isDuplicate) return response;
    const headers = new Headers(response.headers);
    headers.delete("stream-next-offset");
    return new Response(null, { status: 204, headers });
  };
}

Deno.test("append --producer run again succeeds, though the server names no offset for what it has", async () => {
  const kit = new CommandKit();
  const fetch = withBareDuplicates(kit);
  const runs: [string, string[], string][] = [
    ["whole", ["append", "whole", "--producer", "p", "--data", "x"], "x"],
    ["lines", ["append", "lines", "--producer", "p", "--lines"], "one\ntwo\n"],
  ];
  for (const [name, args, content] of runs) {
    for (let run = 0; run < 2; run++) {
      await kit.ok(args, name === "lines" ? { input: ["one\ntwo\n"], fetch } : { fetch });
    }
    equal(await kit.fixture.content(name), content);
  }
});

Deno.test("append --producer --close run again succeeds too", async () => {
  const kit = new CommandKit();
  const fetch = withBareDuplicates(kit);
  for (let run = 0; run < 2; run++) {
    await kit.ok(["append", "s", "--producer", "p", "--lines", "--close"], {
      input: ["one\ntwo\n"],
      fetch,
    });
  }
  equal(await kit.fixture.content("s"), "one\ntwo\n");
});
