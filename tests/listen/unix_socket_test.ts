import { equal, rejects } from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import { ListenError } from "../../src/listen/listen_error.ts";
import { listen } from "../../src/listen/listen.ts";
import { withTempDir } from "../support/temp_dir.ts";

async function listenAt(path: string, socketMode?: number) {
  return await listen({
    host: `unix:${path}`,
    port: 0,
    handler: (_request, respond) => respond({ status: 200, headers: {}, body: "here" }),
    longestSilenceMs: 30_000,
    http: "own",
    maxConnections: 10,
    isShared: false,
    ...(socketMode === undefined ? {} : { socketMode }),
  });
}

async function ask(path: string): Promise<string> {
  const socket = connect(path);
  socket.write("GET /a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  let text = "";
  socket.setEncoding("utf8").on("data", (part: string) => text += part);
  await once(socket, "close");
  return text;
}

function modeOf(path: string): number {
  return (Deno.lstatSync(path).mode ?? 0) & 0o777;
}

Deno.test("a socket in the file system answers, has the rights asked for, and is removed", async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "streams.sock");
    const umask = Deno.umask();
    const first = await listenAt(path);
    equal(Deno.umask(), umask);
    equal([first.port, modeOf(path)].join(), `0,${0o660}`);
    equal((await ask(path)).endsWith("here"), true);
    await rejects(
      listenAt(path),
      (error) => error instanceof ListenError && error.message.startsWith(`${path} is in use:`),
    );
    await first.stop();
    await rejects(Deno.lstat(path), Deno.errors.NotFound);
    const second = await listenAt(path, 0o600);
    equal(modeOf(path), 0o600);
    await second.stop();
  });
});

Deno.test("a file that is no socket stays, and paths that can't be are said", async () => {
  await withTempDir(async (dir) => {
    const file = join(dir, "notes.txt");
    Deno.writeTextFileSync(file, "mine");
    const wrong: [path: string, message: RegExp][] = [
      [file, /is there already and is no socket/],
      [join(dir, "x".repeat(100)), /choose one of 1 to 103 bytes/],
      [join(dir, "none", "a"), /the directory of .* is missing/],
    ];
    for (const [path, message] of wrong) await rejects(listenAt(path), message);
    equal(Deno.readTextFileSync(file), "mine");
  });
});
