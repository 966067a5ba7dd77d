import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { withTempDir } from "../../support/temp_dir.ts";
import { CommandKit } from "./command_kit.ts";

const URL = "http://localhost:4437/v1/stream";
const BIG = '{"n":123456789012345678901234567890,"text":"a\\nb"}';

/** A server with a stream of each kind. */
async function filled(): Promise<CommandKit> {
  const kit = new CommandKit();
  const { app } = kit.fixture;
  const put = async (name: string, type: string, body: BodyInit, more: HeadersInit = {}) => {
    const headers = { "content-type": type, ...more };
    equal((await app.request(`${URL}/${name}`, { method: "PUT", headers, body })).status, 201);
  };
  await put("json", "application/json", `[${BIG}, {"b": [1,\n2]}]`);
  await put("text", "text/plain", "hällo\nwelt", { "stream-ttl": "1000" });
  await put("bytes", "application/octet-stream", Uint8Array.of(0, 255, 10, 13));
  await put("closed", "text/plain", "end", { "stream-closed": "true" });
  await put("empty", "application/json", "[]");
  return kit;
}

async function text(kit: CommandKit, name: string): Promise<string> {
  return await (await kit.fixture.app.request(`${URL}/${name}?offset=-1`)).text();
}

Deno.test("what is exported and imported is the same at another server, and nothing comes twice", () =>
  withTempDir(async (dir) => {
    const file = join(dir, "streams.ndjson");
    const source = await filled();
    match(await source.ok(["export", "--from", URL, "--to", file]), /^exported 5 streams/);
    const target = new CommandKit();
    match(
      await target.ok(["import", "--from", file, "--to", URL]),
      /^5 streams copied/,
    );
    for (const name of ["json", "text", "bytes", "closed", "empty"]) {
      equal(await text(target, name), await text(source, name));
    }
    const head = await target.fixture.app.request(`${URL}/closed`, { method: "HEAD" });
    equal(head.headers.get("stream-closed"), "true");
    const ttl = await target.fixture.app.request(`${URL}/text`, { method: "HEAD" });
    equal(ttl.headers.get("stream-ttl"), "1000");
    match(await target.ok(["import", "--from", file, "--to", URL]), /^0 streams .*5 equal/);
  }));

Deno.test("an export that was cut off goes on behind the last stream that is whole", () =>
  withTempDir(async (dir) => {
    const [whole, cut] = [join(dir, "whole.ndjson"), join(dir, "cut.ndjson")];
    const kit = await filled();
    await kit.ok(["export", "--from", URL, "--to", whole]);
    const bytes = Deno.readFileSync(whole);
    for (const length of [0, 10, 200, 500, bytes.length - 15]) {
      Deno.writeFileSync(cut, bytes.subarray(0, length));
      await kit.ok(["export", "--from", URL, "--to", cut]);
      equal(Deno.readTextFileSync(cut), Deno.readTextFileSync(whole));
    }
    const { code, stderr } = await kit.run(["export", "--from", URL, "--to", cut]);
    equal(code, 2);
    match(stderr, /is an export that has ended/);
  }));

Deno.test("a stream that is deleted while it is exported is none of the export, and the others are", () =>
  withTempDir(async (dir) => {
    const file = join(dir, "streams.ndjson");
    const source = await filled();
    const { app } = source.fixture;
    const headers = { "content-type": "text/plain" };
    await app.request(`${URL}/deleted`, { method: "PUT", headers });
    // More than one response has.
    for (const body of Array(4).fill("x".repeat(1024 * 1024))) {
      await app.request(`${URL}/deleted`, { method: "POST", headers, body });
    }
    let isDeleted = false;
    const fetch = async (url: string, init?: RequestInit) => {
      const isLater = /\/deleted\?offset=\d/.test(url);
      if (isLater) await app.request(`${URL}/deleted`, { method: "DELETE" });
      isDeleted ||= isLater;
      return await app.request(url, init);
    };
    const exported = await source.run(["export", "--from", URL, "--to", file], { fetch });
    ok(isDeleted);
    equal(exported.code, 3);
    const target = new CommandKit();
    const { code, stdout, stderr } = await target.run(["import", "--from", file, "--to", URL]);
    match(stderr + stdout, /"deleted" gone: it was deleted while it was exported/);
    equal(code, 0);
    equal(await text(target, "text"), await text(source, "text"));
    equal((await target.fixture.app.request(`${URL}/deleted`, { method: "HEAD" })).status, 404);
    // An export that goes on does so behind it.
    const bytes = Deno.readTextFileSync(file);
    Deno.writeTextFileSync(file, bytes.slice(0, bytes.indexOf('{"stream":"text"') + 20));
    await source.ok(["export", "--from", URL, "--to", file]);
    equal(Deno.readTextFileSync(file), bytes);
  }));

Deno.test("a stream that is trimmed while it is exported goes on behind that, which is said", () =>
  withTempDir(async (dir) => {
    const file = join(dir, "streams.ndjson");
    const source = await filled();
    const { app } = source.fixture;
    const headers = { "content-type": "text/plain" };
    await app.request(`${URL}/trimmed`, { method: "PUT", headers });
    // More than one response has.
    for (const letter of ["a", "b", "c", "d"]) {
      const body = letter.repeat(1024 * 1024);
      await app.request(`${URL}/trimmed`, { method: "POST", headers, body });
    }
    let isTrimmed = false;
    const fetch = async (url: string, init?: RequestInit) => {
      if (/\/trimmed\?offset=\d/.test(url) && !isTrimmed) {
        isTrimmed = true;
        const at = await app.request(`${URL}/trimmed?tail=${1024 * 1024}`);
        const before = at.headers.get("stream-start-offset") ?? "";
        await app.request(`${URL}/trimmed`, {
          method: "PATCH",
          headers: { "stream-trim-before": before },
        });
      }
      return await app.request(url, init);
    };
    const { code, stderr } = await source.run(["export", "--from", URL, "--to", file], { fetch });
    equal(code, 3);
    match(
      stderr,
      /"trimmed" was trimmed from \S+ to \S+ before that was read, .*reading goes on behind it/,
    );
    const target = new CommandKit();
    match(await target.ok(["import", "--from", file, "--to", URL]), /^6 streams copied/);
    const first = await text(target, "trimmed");
    const response = await target.fixture.app.request(`${URL}/trimmed?tail=${1024 * 1024}`);
    const last = await response.text();
    deepEqual([new Set(first), new Set(last)], [new Set("a"), new Set("d")]);
    const { headers: head } = await target.fixture.app.request(`${URL}/trimmed`, {
      method: "HEAD",
    });
    ok(head.get("stream-next-offset")?.endsWith(String(first.length + last.length)));
  }));

Deno.test("nobody else looks into the folder where an import waits", () =>
  withTempDir(async (dir) => {
    const source = await filled();
    const { stdout } = await source.run(["export", "--from", URL, "--to", "-"]);
    const target = new CommandKit();
    const modes = new Set<number>();
    const fetch = async (url: string, init?: RequestInit) => {
      for (const { name } of Deno.readDirSync(dir)) {
        modes.add((Deno.statSync(join(dir, name)).mode ?? 0) & 0o777);
      }
      return await target.fixture.app.request(url, init);
    };
    const args = ["import", "--from", "-", "--to", URL, "--temp-dir", dir];
    equal((await target.run(args, { input: stdout, fetch })).code, 0);
    deepEqual([...modes], [0o700]);
    deepEqual([...Deno.readDirSync(dir)], []);
  }));

Deno.test("a file that is no export stays as it is", () =>
  withTempDir(async (dir) => {
    const kit = await filled();
    const file = join(dir, "mine");
    const texts = ["a line without an end", '{"a":1}', '{"text":"mine"}\n', "\n", '{"stre\n'];
    for (const text of texts) {
      Deno.writeTextFileSync(file, text);
      const { code, stderr } = await kit.run(["export", "--from", URL, "--to", file]);
      equal(code, 2, text);
      match(stderr, /mine is there, and is no export/);
      equal(Deno.readTextFileSync(file), text);
    }
    // So far an export may have come that was cut off.
    Deno.writeTextFileSync(file, "{");
    await kit.ok(["export", "--from", URL, "--to", file]);
  }));

Deno.test("an export that was cut off, or changed, is imported as far as it is right", () =>
  withTempDir(async (dir) => {
    const source = await filled();
    const { stdout, stderr } = await source.run(["export", "--from", URL, "--to", "-"]);
    match(stderr, /^exported 5 streams/);
    const target = new CommandKit();
    const input = stdout.slice(0, stdout.indexOf('{"stream":"text"') + 60);
    const cut = await target.run(["import", "--from", "-", "--to", URL], { input });
    equal(cut.code, 1);
    match(cut.stderr, /the export ends too soon/);
    equal(await text(target, "json"), await text(source, "json"));
    const changed = stdout.replace("hällo", "hallo");
    const refused = await target.run(["import", "--from", "-", "--to", URL], { input: changed });
    equal(refused.code, 1);
    match(refused.stderr, /stream "text" of the export isn't what was exported/);
    const head = await target.fixture.app.request(`${URL}/text`, { method: "HEAD" });
    equal(head.status, 404);
    const names = [...Deno.readDirSync(dir)];
    equal(names.length, 0);
  }));

Deno.test("a stream that is another one at the target is refused, and the others are imported", async () => {
  const source = await filled();
  const { stdout } = await source.run(["export", "--from", URL, "--to", "-"]);
  const target = new CommandKit();
  await target.fixture.app.request(`${URL}/json`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: '["mine"]',
  });
  const { code, stderr } = await target.run(["import", "--from", "-", "--to", URL], {
    input: stdout,
  });
  equal(code, 4);
  match(stderr, /"json" refused: it has other content at the target/);
  equal(await text(target, "text"), await text(source, "text"));
  equal(await text(target, "json"), '["mine"]');
});
