import { deepEqual, equal, ok, rejects, throws } from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { encodeUtf8 } from "../../../../src/protocol/bytes.ts";
import {
  connectHeard,
  connectOptions,
  loadClientLibrary,
} from "../../../../src/storage/nats/connection/client_library.ts";
import { connectJetStream } from "../../../../src/storage/nats/connection/nats_jetstream.ts";
import { openNatsStorage } from "../../../../src/storage/nats/connection/open_nats_storage.ts";
import {
  type NatsOptions,
  parseServerUrl,
} from "../../../../src/storage/nats/connection/options.ts";
import { isNewEnough } from "../../../../src/storage/nats/connection/server_version.ts";
import { AUTHORITY, CLIENT, FIRST, STRANGER } from "../../../support/certificates.ts";
import { natsTest } from "../../../support/nats/find_nats_server.ts";
import { NatsCluster } from "../../../support/nats/nats_cluster.ts";
import { until } from "../../../support/until.ts";
import { withTempDir } from "../../../support/temp_dir.ts";

/** Which servers are accepted, and how they are told who asks. */

Deno.test("servers from 2.15 on are new enough", () => {
  deepEqual(["2.15.0", "2.15.1-rc.1", "2.16.0", "3.0.0"].filter(isNewEnough).length, 4);
  deepEqual(["2.14.6", "2.9.25", "1.99.0", "", "?"].filter(isNewEnough), []);
});

Deno.test("a server's URL has an address, and secrets that no message shows", () => {
  deepEqual(parseServerUrl("nats://a:4223"), { address: "a:4223", isTls: false });
  deepEqual(parseServerUrl("a"), { address: "a:4222", isTls: false });
  deepEqual(parseServerUrl("nats://a:80"), { address: "a:80", isTls: false });
  deepEqual(parseServerUrl("tls://[::1]:4222"), { address: "[::1]:4222", isTls: true });
  deepEqual(parseServerUrl("nats://t%40ken@a"), {
    address: "a:4222",
    isTls: false,
    token: "t@ken",
  });
  const withUser = { address: "a:1", isTls: false, user: "u", password: "p:" };
  deepEqual(parseServerUrl("nats://u:p%3a@a:1"), withUser);
  for (
    const wrong of [
      "",
      "http://secret@a",
      "nats://u:secret@a:x",
      "nats://secret@a/b",
      "nats://",
      "u:secret@a:x",
      "nats://u:1#secret@a:1",
      "nats://u:\nsecret@a:x",
    ]
  ) {
    throws(() => parseServerUrl(wrong), (error) => {
      ok(error instanceof RangeError && !error.message.includes("secret"), String(error));
      return true;
    });
  }
});

Deno.test("a server that is too old is unsuitable", async () => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    const info = { server_id: "a", version: "2.14.6", headers: true, max_payload: 1000, proto: 1 };
    socket.write(`INFO ${JSON.stringify(info)}\r\n`);
    socket.on("data", (data) => String(data).includes("PING") && socket.write("PONG\r\n"));
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  await rejects(connectJetStream({ servers: [`nats://127.0.0.1:${port}`] }), {
    code: "unsuitable",
    message: `127.0.0.1:${port} is nats-server 2.14.6, and has to be 2.15.0 or newer`,
  });
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

Deno.test("where no server is, that is said once the time for it is over", async () => {
  const servers = ["nats://user:secret@127.0.0.1:1"];
  await rejects(connectJetStream({ servers, firstConnectionMs: 0 }), (error) => {
    ok(error instanceof Error);
    equal(error.message, "127.0.0.1:1: connection refused");
    return true;
  });
});

natsTest(
  "an account without JetStream is unsuitable",
  () =>
    withServer("accounts { A { users: [{user: a, password: b}] } }", async (server) => {
      await rejects(connectJetStream({ servers: [server.replace("//", "//a:b@")] }), {
        code: "unsuitable",
        message: /no JetStream for this account/,
      });
    }),
);

natsTest(
  "a user is let in by the password in the URL, and without it refused",
  () =>
    withServer('authorization { user: "u", password: "s3cret" }', async (server) => {
      await letIn({ servers: [server.replace("//", "//u:s3cret@")] });
      for (const wrong of [server, server.replace("//", "//u:wr0ng@")]) {
        await rejects(connectJetStream({ servers: [wrong] }), (error) => {
          ok(error instanceof Error && "code" in error && error.code === "unsuitable");
          ok(
            /authorization/i.test(error.message) && !error.message.includes("wr0ng"),
            error.message,
          );
          return true;
        });
      }
    }),
);

natsTest(
  "a user is let in by a token",
  () =>
    withServer('authorization { token: "t0ken" }', async (server) => {
      await letIn({ servers: [server.replace("//", "//t0ken@")] });
    }),
);

natsTest("a user is let in by an nkey, whose seed is in a file", async () => {
  const { nkeys } = await import("@nats-io/transport-node");
  const pair = nkeys.createUser();
  const extra = `authorization { users: [{ nkey: ${pair.getPublicKey()} }] }`;
  await withServer(extra, (server) =>
    withTempDir(async (dir) => {
      const nkeyFile = join(dir, "seed");
      await rejects(connectJetStream({ servers: [server], nkeyFile }), {
        name: "RangeError",
        message: `the nkey's seed can't be read from ${nkeyFile}: there is no such file`,
      });
      writeFileSync(nkeyFile, pair.getSeed());
      await letIn({ servers: [server], nkeyFile });
    }));
});

natsTest(
  "over TLS a server is trusted by its authority's file, and knows who asks by a certificate",
  () =>
    withTlsServer(async ({ server, caFile, file }) => {
      const certFile = file("client.pem", CLIENT.cert);
      const keyFile = file("client.key", CLIENT.key);
      const stranger = {
        certFile: file("stranger.pem", STRANGER.cert),
        keyFile: file("stranger.key", STRANGER.key),
      };
      const servers = [server.replace("nats:", "tls:")];
      const once = { servers, firstConnectionMs: 0 };
      await letIn({ servers, tls: { caFile, certFile, keyFile } });
      await rejects(connectJetStream({ ...once, tls: { caFile } }), {
        code: "unavailable",
        message: /asks for a client's certificate, and none is given$/,
      });
      await rejects(connectJetStream({ ...once, tls: { caFile, ...stranger } }), {
        code: "unavailable",
        message: /: the client's certificate was shown, then: /,
      });
      const unknown = () => connectJetStream({ ...once, tls: { certFile, keyFile } });
      await rejects(unknown(), { code: "unavailable" });
      // What somebody sets for other connections doesn't count here.
      process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
      try {
        await rejects(unknown(), { code: "unavailable" });
      } finally {
        delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
      }
    }),
);

natsTest(
  "a certificate that is refused only after the connection counted as made ends no process",
  () =>
    withTlsServer(async ({ server: url, caFile, file }) => {
      const certFile = file("stranger.pem", STRANGER.cert);
      const keyFile = file("stranger.key", STRANGER.key);
      const library = await loadClientLibrary();
      const server = parseServerUrl(url.replace("nats:", "tls:"));
      const tls = { caFile, certFile, keyFile };
      const options = connectOptions(library, { servers: [url], tls }, server);
      for (let attempt = 0; attempt < 5; attempt++) {
        await rejects(connectHeard(library, options));
      }
    }),
);

Deno.test("a server that takes a connection and says nothing is given up, and left no connection", async () => {
  let open = 0;
  let taken = 0;
  const server = createServer((socket) => {
    open++;
    taken++;
    socket.on("error", () => {});
    socket.on("close", () => open--);
    socket.resume();
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  const servers = [`nats://127.0.0.1:${port}`];
  await rejects(connectJetStream({ servers, connectTimeoutMs: 50, firstConnectionMs: 300 }), {
    code: "unavailable",
    message: `127.0.0.1:${port}: no answer within 50 ms`,
  });
  ok(taken > 1);
  await until(() => open === 0, () => `${open} of ${taken} connections are open`);
  await new Promise((resolve) => server.close(resolve));
});

Deno.test("what isn't a server of NATS is told no secrets", async () => {
  let heard = "";
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (data) => heard += String(data));
    socket.write("220 mail.example.com ESMTP\r\n");
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  const servers = [`nats://u:secret@127.0.0.1:${port}`];
  await rejects(connectJetStream({ servers, firstConnectionMs: 0 }), {
    code: "unavailable",
    message: `127.0.0.1:${port}: what listens there is no server of NATS`,
  });
  equal(heard, "");
  await new Promise((resolve) => server.close(resolve));
});

const MAY_PUBLISH = '"$JS.API.>", "t.a", "ds-confirm.>"';

natsTest(
  "what a user may not publish is rejected at once, with the reason",
  () =>
    withServer(userWho(MAY_PUBLISH, '">"'), async (server) => {
      const port = await connectJetStream({ servers: [server], timeoutMs: 60_000 });
      try {
        const log = "DS_TEST";
        await port.ensureLog({ name: log, subjects: ["t.>"], replicas: 1, isWatched: false });
        const message = (subject: string) => {
          return { log, subject, payload: new Uint8Array(1), expectedSequence: 0 };
        };
        const forbidden = {
          kind: "rejected",
          reason: 'Permissions Violation for Publish to "t.b"',
        };
        deepEqual(await port.publish(message("t.b")), forbidden);
        deepEqual(await port.publishTogether([message("t.b"), message("t.b")]), forbidden);
        deepEqual(await port.publishTogether([message("t.a"), message("t.b")]), forbidden);
        // Which of the two it was isn't said, so that they are asked about again.
        const both = await Promise.all([1, 2].map(() => port.publish(message("t.b"))));
        deepEqual(both.map(({ kind }) => kind), ["unknown", "unknown"]);
        equal((await port.publish(message("t.a"))).kind, "stored");
      } finally {
        await port.close();
      }
    }),
);

natsTest(
  "whoever calls where that is forbidden is told so at once, also beside others",
  () =>
    withServer(userWho(MAY_PUBLISH, '">"'), async (server) => {
      const port = await connectJetStream({ servers: [server], timeoutMs: 60_000 });
      try {
        const call = () => port.call("t.b", new Uint8Array(1), 60_000);
        const forbidden = { code: "unsuitable", message: /Permissions Violation for Publish/ };
        await Promise.all([1, 2].map(() => rejects(call(), forbidden)));
      } finally {
        await port.close();
      }
    }),
);

natsTest(
  "who may hear answers only under a prefix of his own reads, watches and follows",
  () =>
    withServer(userWho('">"', '"mine.>", "ds-watch.>"'), async (server) => {
      const port = await connectJetStream({ servers: [server], inboxPrefix: "mine" });
      try {
        const log = "DS_TEST";
        await port.ensureLog({ name: log, subjects: ["t.>"], replicas: 1, isWatched: true });
        const payload = new Uint8Array(1);
        await port.publish({ log, subject: "t.a", payload, expectedSequence: 0 });
        equal(await port.lastSequence(log, "t.a"), 1);
        const found: number[] = [];
        const follower = port.follow({ log, fromSequence: 1 }, ({ sequence }) => {
          found.push(sequence);
        });
        await follower.caughtUp();
        deepEqual(found, [1]);
        await follower.stop();
      } finally {
        await port.close();
      }
    }),
);

/** As docs/CLUSTER.md says it. */
const NEEDED_TO_PUBLISH = '"$JS.API.>", "_INBOX.>", "ds-confirm.>", "ds.>"';
const NEEDED_TO_HEAR = '"_INBOX.>", "ds-watch.>", "ds.>"';

natsTest(
  "who may do what the documentation says, and nothing else, stores, watches and sends appends on",
  () =>
    withServer(userWho(NEEDED_TO_PUBLISH, NEEDED_TO_HEAR), async (server) => {
      const open = (forwarding: "always" | "never") =>
        openNatsStorage({ servers: [server], replicas: 1, forwarding, openLimitMs: 0 });
      const [a, b] = [await open("never"), await open("always")];
      try {
        const request = { contentType: "text/plain", body: encodeUtf8("a") };
        await a.create("s", request);
        const told = Promise.withResolvers<void>();
        const watch = await b.watch("s", () => told.resolve());
        await b.append("s", request);
        await told.promise;
        watch.cancel();
        const { forwardedAppends, forwardTimeouts } = b.measure?.().cluster ?? {};
        deepEqual([forwardedAppends, forwardTimeouts], [1, 0]);
        equal((await b.list({ limit: 2 })).streams.length, 1);
      } finally {
        await Promise.all([a.close(), b.close()]);
      }
    }),
);

natsTest(
  "who may not ask JetStream, or hear its answers, is told so at once",
  async () => {
    const about = { timeoutMs: 60_000 };
    await withServer(userWho('"t.>"', '">"'), async (server) => {
      await rejects(connectJetStream({ servers: [server], ...about }), {
        code: "unsuitable",
        message: /^\$JS\.API\.INFO is forbidden: Permissions Violation for Publish/,
      });
    });
    await withServer(userWho('">"', '"t.>"'), async (server) => {
      await rejects(connectJetStream({ servers: [server], ...about }), {
        code: "unavailable",
        message: /Permissions Violation for Subscription to "_INBOX/,
      });
    });
  },
);

function userWho(mayPublish: string, mayHear: string): string {
  const permissions = `{ publish: [${mayPublish}], subscribe: [${mayHear}] }`;
  return `authorization { default_permissions: ${permissions}, users: [{ user: u, password: p }] }
no_auth_user: u`;
}

async function withServer(extra: string, run: (url: string) => Promise<void>): Promise<void> {
  const cluster = await NatsCluster.start({ servers: 1, extra });
  try {
    await run(cluster.server(0).url);
  } finally {
    await cluster[Symbol.asyncDispose]();
  }
}

/** A server with TLS that asks for a certificate, the file of its authority, and what makes more files. */
interface TlsServer {
  readonly server: string;
  readonly caFile: string;
  file(name: string, text: string): string;
}

async function withTlsServer(run: (on: TlsServer) => Promise<void>): Promise<void> {
  await withTempDir(async (dir) => {
    const file = (name: string, text: string) => {
      writeFileSync(join(dir, name), text);
      return join(dir, name);
    };
    const caFile = file("ca.pem", AUTHORITY);
    const serverFiles = `cert_file: "${file("server.pem", FIRST.cert)}", key_file: "${
      file("server.key", FIRST.key)
    }"`;
    const extra = `tls { ${serverFiles}, ca_file: "${caFile}", verify: true }`;
    await withServer(extra, (server) => run({ server, caFile, file }));
  });
}

async function letIn(options: NatsOptions): Promise<void> {
  const port = await connectJetStream(options);
  ok(port.isConnected);
  await port.close();
}
