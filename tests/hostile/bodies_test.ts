import { equal, match, ok } from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { RawConnection } from "../runtime/raw_http.ts";
import { type AttackedServer, underAttack } from "./attacked_server.ts";

const TEXT = { "content-type": "text/plain" };
const CLIENTS = 50;

async function make(server: AttackedServer, name: string): Promise<string> {
  const url = `${server.url}/${name}`;
  equal((await fetch(url, { method: "PUT", headers: TEXT })).status, 201);
  return url;
}

async function stored(url: string): Promise<string> {
  return await (await fetch(`${url}?offset=-1`)).text();
}

function post(url: string, headers: string, body = ""): RawConnection {
  const { pathname, host } = new URL(url);
  const connection = new RawConnection(url);
  connection.send(
    `POST ${pathname} HTTP/1.1\nHost: ${host}\nContent-Type: text/plain\n${headers}\n\n`,
  );
  if (body !== "") connection.send(body);
  return connection;
}

underAttack("bodies that come a byte at a time or stop are timed out", [
  "--body-timeout",
  "2s",
], async (server) => {
  const url = await make(server, "slow");
  const attacks = Array.from({ length: CLIENTS }, async (_, i) => {
    const headers = i % 3 === 0 ? "Transfer-Encoding: chunked" : "Content-Length: 1000";
    using connection = post(url, headers, i % 3 === 0 ? "3e8\nabc" : "abc");
    let isOver = false;
    const drip = async () => {
      for (let sent = 0; i % 2 === 0 && !isOver && sent < 100; sent++) {
        connection.send("x");
        await sleep(100);
      }
    };
    const dripping = drip();
    // Bun ends the connection with it; Deno leaves that to the client.
    match(await connection.until("\r\n\r\n"), /^HTTP\/1\.1 408 /);
    isOver = true;
    await dripping;
  });
  await Promise.all(attacks);
  equal(await stored(url), "", "nothing of them is stored");
});

underAttack("bodies past the limit are refused, and nothing of them is kept", [
  "--max-append-bytes",
  "64KiB",
], async (server) => {
  const url = await make(server, "long");
  const body = "x".repeat(65_537);
  for (let i = 0; i < CLIENTS; i++) {
    const answer = await fetch(url, { method: "POST", headers: TEXT, body }).catch(() => undefined);
    if (answer !== undefined) {
      equal(answer.status, 413);
      match(await answer.text(), /"body_too_large"/);
    }
    using chunked = post(url, "Transfer-Encoding: chunked");
    for (let part = 0; part < 20; part++) chunked.send(`1000\n${"y".repeat(0x1000)}\n`);
    ok(/^HTTP\/1\.1 413 /.test(await chunked.until("\r\n\r\n")));
    using declared = post(url, "Content-Length: 99999999999");
    ok(/^HTTP\/1\.1 413 /.test(await declared.until("\r\n\r\n")));
  }
  const most = "z".repeat(65_536);
  equal((await fetch(url, { method: "POST", headers: TEXT, body: most })).status, 204);
  equal(await stored(url), most);
});

underAttack(
  "connections that vanish in an append leave it whole or not at all",
  [],
  async (server) => {
    const url = await make(server, "gone");
    const whole = new Set<string>();
    for (let i = 0; i < 200; i++) {
      const body = `<${i}:${"v".repeat(i * 10)}>`;
      whole.add(body);
      using connection = post(url, `Content-Length: ${body.length}`);
      connection.send(i % 2 === 0 ? body : body.slice(0, body.length >> 1));
      if (i % 3 === 0) await sleep(1);
    }
    await sleep(0);
    const text = await stored(url);
    const found = text.match(/<\d+:v*>/g) ?? [];
    equal(found.join(""), text, "whole messages and nothing else");
    equal(new Set(found).size, found.length, "each once");
    for (const message of found) ok(whole.has(message));
  },
);

underAttack("a producer whose connections vanish is stored exactly once", [], async (server) => {
  const url = await make(server, "producer");
  const sent: string[] = [];
  for (let seq = 0; seq < 100; seq++) {
    const body = `<${seq}>`;
    const producer = `Producer-Id: p\nProducer-Epoch: 0\nProducer-Seq: ${seq}`;
    for (let vanished = seq % 3; vanished > 0; vanished--) {
      using connection = post(url, `${producer}\nContent-Length: ${body.length}`, body);
      if (vanished === 2) await connection.until("HTTP/1.1 20");
    }
    const answer = await fetch(url, {
      method: "POST",
      headers: { ...TEXT, "producer-id": "p", "producer-epoch": "0", "producer-seq": `${seq}` },
      body,
    });
    ok(answer.status === 200 || answer.status === 204, `${answer.status}`);
    sent.push(body);
  }
  equal(await stored(url), sent.join(""));
});

underAttack(
  "bodies that contradict their headers are refused or end the connection",
  [],
  async (server) => {
    const url = await make(server, "wrong");
    const bad = [
      ["Content-Length: -5", "abc"],
      ["Content-Length: abc", "abc"],
      ["Content-Length: 5\nContent-Length: 6", "abcdef"],
      ["Content-Length: 3\nTransfer-Encoding: chunked", "3\nabc\n0\n\n"],
      ["Transfer-Encoding: chunked", "xyz\nabc\n0\n\n"],
      ["Transfer-Encoding: chunked", "ffffffffffffffffff\nabc\n"],
      ["Transfer-Encoding: gzip", "abc"],
    ] as const;
    for (let round = 0; round < 10; round++) {
      for (const [headers, body] of bad) {
        using connection = post(url, `${headers}\nConnection: close`, body);
        const answer = await Promise.race([connection.closed(), sleep(1000).then(() => "")]);
        ok(answer === "" || /^HTTP\/1\.1 (?:4\d\d|501|20\d) /.test(answer), answer.slice(0, 200));
      }
    }
    match(await stored(url), /^(?:abc|abcde|abcdef)*$/);
  },
);
