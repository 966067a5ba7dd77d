import { deepEqual, equal, match } from "node:assert/strict";
import { CommandKit } from "./command_kit.ts";

async function kitWithStream(): Promise<{ kit: CommandKit; offset: string }> {
  const kit = new CommandKit();
  await kit.ok(["create", "orders", "--content-type", "application/json"]);
  await kit.ok(["append", "orders", "--data", "[1, 2, 3]"]);
  const { nextOffset } = JSON.parse(await kit.ok(["head", "orders", "--json"]));
  return { kit, offset: nextOffset };
}

Deno.test("a snapshot that is put comes back, as it was or as what it is", async () => {
  const { kit, offset } = await kitWithStream();
  const args = ["--offset", offset, "--content-type", "application/json"];
  equal(await kit.ok(["snapshot", "put", "orders", ...args, "--data", '{"sum":6}']), "");
  const url = "http://localhost:4437/v1/stream/orders";
  equal(await kit.ok(["snapshot", "get", url]), '{"sum":6}');
  deepEqual(JSON.parse(await kit.ok(["snapshot", "get", "orders", "--json"])), {
    name: "orders",
    offset,
    contentType: "application/json",
    bytes: 9,
  });
  const shown = JSON.parse(
    await kit.ok(["snapshot", "put", "orders", ...args, "--json", "--data", ""]),
  );
  deepEqual(shown, { name: "orders", offset, bytes: 0 });
});

Deno.test("a snapshot that isn't there exits 3, an older one than is kept 4", async () => {
  const { kit, offset } = await kitWithStream();
  for (const action of ["get", "delete"]) {
    const { code, stderr } = await kit.run(["snapshot", action, "orders"]);
    equal(code, 3);
    match(stderr, /there is no snapshot of orders/);
  }
  await kit.ok(["snapshot", "put", "orders", "--offset", offset, "--data", "x"]);
  equal((await kit.run(["snapshot", "put", "orders", "--offset", "-1", "--data", "y"])).code, 4);
  equal(await kit.ok(["snapshot", "delete", "orders"]), "");
  equal((await kit.run(["snapshot", "get", "orders"])).code, 3);
  equal((await kit.run(["snapshot", "get", "missing"])).code, 3);
});

Deno.test("what snapshot can't do is told with what it can", async () => {
  const { kit } = await kitWithStream();
  const wrong: readonly (readonly [string[], RegExp])[] = [
    [["snapshot", "take", "orders"], /accepted: get, put, delete/],
    [["snapshot", "put", "orders", "--data", "x"], /needs --offset/],
    [["snapshot", "get", "orders", "--offset", "-1"], /--offset is for snapshot put, not get/],
    [["snapshot", "put", "orders", "--offset", "a b"], /accepted: an offset or a place/],
  ];
  for (const [args, says] of wrong) {
    const { code, stderr } = await kit.run(args);
    equal(code, 2, stderr);
    match(stderr, says);
  }
});
