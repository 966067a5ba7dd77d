import { deepStrictEqual as equal, ok } from "node:assert";
import { encodeUtf8, NO_BYTES } from "../../src/protocol/bytes.ts";
import { spaceAt } from "../../src/protocol/offset.ts";
import type { Offset } from "../../src/protocol/offset.ts";
import { rejectsWith } from "../support/expect.ts";
import { type It, JSON_TYPE, TEXT } from "./kit.ts";

/** Appending, closing and `Stream-Seq`. */
export function describeAppends(it: It): void {
  it("an append moves the tail", async ({ storage, streams }) => {
    const { space } = await storage.create("s", { contentType: TEXT });
    equal(await streams.text("s", "hello "), {
      space,
      tail: 6,
      closed: false,
      duplicate: false,
      producer: undefined,
    });
    equal((await streams.text("s", "world")).tail, 11);
    equal((await storage.head("s")).tail, 11);
    equal(await streams.all("s"), "hello world");
  });

  it("an append to a stream that doesn't exist is not found", async ({ streams }) => {
    await rejectsWith(streams.text("s", "x"), "not_found");
  });

  it("an append without content is refused", async ({ storage }) => {
    await storage.create("s", { contentType: TEXT });
    await rejectsWith(storage.append("s", { contentType: TEXT, body: NO_BYTES }), "empty_body");
  });

  it("an append of another content type is refused", async ({ storage, streams }) => {
    await storage.create("s", { contentType: TEXT });
    await rejectsWith(streams.json("s", "1"), "content_type_mismatch");
    await rejectsWith(storage.append("s", { body: encodeUtf8("x") }), "invalid_header");
    equal((await storage.head("s")).tail, 0);
  });

  it("refused JSON leaves nothing behind", async ({ storage, streams }) => {
    await storage.create("s", { contentType: JSON_TYPE });
    for (
      const body of ["", " ", "{", "[1,]", "1 2", "nul", "[]", "\ufeff1", `${"[".repeat(600)}`]
    ) {
      await rejectsWith(streams.json("s", body), body === "" ? "empty_body" : "invalid_json");
    }
    const notUtf8 = Uint8Array.of(0x22, 0xff, 0x22);
    await rejectsWith(
      storage.append("s", { contentType: JSON_TYPE, body: notUtf8 }),
      "invalid_json",
    );
    equal((await storage.head("s")).tail, 0);
  });

  it("JSON keeps its digits and the order of its keys", async ({ storage, streams }) => {
    await storage.create("s", { contentType: JSON_TYPE });
    await streams.json("s", '{"n":12345678901234567890, "b":1,"a":1e400}');
    equal(await streams.all("s"), '{"n":12345678901234567890, "b":1,"a":1e400},\n');
  });

  it("a JSON array is flattened by one level", async ({ storage, streams }) => {
    await storage.create("s", { contentType: JSON_TYPE });
    await streams.json("s", '[1, "a,\\n", [2, 3], {"x":\n[]}]');
    equal(await streams.all("s"), '1,\n"a,\\n",\n[2, 3],\n{"x": []},\n');
  });

  it("bytes come back as they were", async ({ storage }) => {
    await storage.create("s", {});
    const body = Uint8Array.from({ length: 70_000 }, (_, i) => (i * 31) % 256);
    await storage.append("s", { contentType: "application/octet-stream", body });
    equal((await storage.read("s", 0, 1 << 20)).data, body);
  });

  it("a body belongs to the caller again after the append", async ({ storage, streams }) => {
    await storage.create("s", { contentType: TEXT });
    const body = encodeUtf8("before");
    await storage.append("s", { contentType: TEXT, body });
    body.fill(0);
    equal(await streams.all("s"), "before");
  });

  it("a close ends a stream", async ({ storage, streams }) => {
    const { space } = await storage.create("s", { contentType: TEXT });
    await streams.text("s", "all");
    equal(await streams.close("s"), {
      space,
      tail: 3,
      closed: true,
      duplicate: false,
      producer: undefined,
    });
    equal((await storage.head("s")).closed, true);
    equal((await storage.read("s", 0, 4096)).closed, true);
    await rejectsWith(streams.text("s", "more"), { code: "stream_closed", space, tail: 3 });
    const { duplicate, closed, tail } = await streams.close("s");
    equal([duplicate, closed, tail], [true, true, 3]);
  });

  it("a close with content is one step", async ({ storage, streams }) => {
    await storage.create("s", { contentType: TEXT });
    const last = { contentType: TEXT, body: encodeUtf8("bye"), close: true };
    equal((await storage.append("s", last)).closed, true);
    equal(await streams.all("s"), "bye");
    const space = spaceAt((await storage.head("s")).space, 3);
    await rejectsWith(storage.append("s", last), { code: "stream_closed", space, tail: 3 });
  });

  it("a closed stream says so before anything else", async ({ storage, streams }) => {
    await storage.create("s", { contentType: TEXT, closed: true });
    await rejectsWith(streams.json("s", "{"), "stream_closed");
  });

  it("Stream-Seq only goes up", async ({ storage, streams }) => {
    await storage.create("s", { contentType: TEXT });
    const append = (seq: string) =>
      storage.append("s", { contentType: TEXT, body: encodeUtf8(seq), seq });
    await append("a1");
    await append("b");
    await rejectsWith(append("b"), "sequence_regression");
    await rejectsWith(append("a9"), "sequence_regression");
    await append("b0");
    await streams.text("s", "-");
    await rejectsWith(append("b0"), "sequence_regression");
    await append("c");
    equal(await streams.all("s"), "a1bb0-c");
  });

  it("an expected tail has to be the tail", async ({ storage, streams }) => {
    const { space } = await storage.create("s", { contentType: TEXT, body: encodeUtf8("abc") });
    const append = (expectedTail: Offset) =>
      storage.append("s", { contentType: TEXT, body: encodeUtf8("d"), expectedTail });
    for (const other of [2, 4, { space, position: 2 }, { space: space + 1, position: 3 }]) {
      await rejectsWith(append(other), { code: "offset_mismatch", space, tail: 3 });
    }
    equal((await append(3)).tail, 4);
    equal((await append({ space, position: 4 })).tail, 5);
    equal(await streams.all("s"), "abcdd");
  });

  it("of many appends with the same expected tail one is let in", async ({ storage, streams }) => {
    await storage.create("s", { contentType: TEXT });
    const outcomes = await Promise.allSettled(
      ["a", "b", "c"].map((text) =>
        storage.append("s", { contentType: TEXT, body: encodeUtf8(text), expectedTail: 0 })
      ),
    );
    equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
    equal((await streams.all("s")).length, 1);
  });

  it("appends at the same time get offsets of their own, without gaps", async ({ storage, streams }) => {
    await storage.create("s", { contentType: TEXT });
    const texts = Array.from({ length: 200 }, (_, i) => `<${i}:${"x".repeat(i)}>`);
    const tails = await Promise.all(texts.map((text) => streams.text("s", text)));
    const whole = await streams.all("s");
    texts.forEach((text, i) => {
      const end = tails[i]?.tail ?? 0;
      equal(whole.slice(end - text.length, end), text);
    });
    equal(whole.length, texts.join("").length);
  });

  it("appends to many streams at the same time stay apart", async ({ storage, streams }) => {
    const names = Array.from({ length: 20 }, (_, i) => `s${i}`);
    await Promise.all(names.map((name) => storage.create(name, { contentType: TEXT })));
    await Promise.all(
      Array.from({ length: 10 }, (_, round) => round).flatMap((round) =>
        names.map((name) => streams.text(name, `${name}.${round} `))
      ),
    );
    for (const name of names) {
      const words = (await streams.all(name)).trim().split(" ");
      equal(words.length, 10);
      ok(words.every((word) => word.startsWith(`${name}.`)));
    }
  });

  it("an acknowledged append is seen by the next read", async ({ storage, streams }) => {
    await storage.create("s", { contentType: TEXT });
    for (let i = 1; i <= 20; i++) {
      await streams.text("s", "x");
      equal((await storage.read("s", "now", 4096)).start, i);
    }
  });
}
