import { equal, match } from "node:assert/strict";
import { unsupportedNodeMessage } from "../../src/cli/unsupported_node.ts";

Deno.test("Node 22.15 and later run the program, whatever an older one is told", () => {
  for (const node of ["22.15.0", "22.23.3", "24.0.0", "100.1.0"]) {
    equal(unsupportedNodeMessage({ node }), undefined, node);
  }
  for (const node of ["18.20.0", "20.20.2", "21.99.0", "22.14.9"]) {
    match(
      unsupportedNodeMessage({ node }) ?? "",
      new RegExp(`this is Node ${node}, .* 22\\.15 or later`),
    );
  }
});

Deno.test("Deno and Bun run it whichever Node they take themselves for", () => {
  equal(unsupportedNodeMessage({ node: "20.0.0", bun: "1.4.5" }), undefined);
  equal(unsupportedNodeMessage({ node: "20.0.0", deno: "2.9.6" }), undefined);
});
