import { deepEqual, equal } from "node:assert/strict";
import { unixAddress, unixDatagrams } from "../../src/env/unix_datagram.ts";
import { DatagramSocket } from "../support/datagram_socket.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { until } from "../support/until.ts";

const AF_UNIX = [...new Uint8Array(Uint16Array.of(1).buffer)];

Deno.test("the address of a socket is its path with a zero behind, and of an abstract one before", () => {
  deepEqual([...unixAddress("/a") ?? []], [...AF_UNIX, 47, 97, 0]);
  deepEqual([...unixAddress("@a") ?? []], [...AF_UNIX, 0, 97]);
});

Deno.test("a path that is empty or too long has no address", () => {
  equal(unixAddress(""), undefined);
  equal(unixAddress("@"), undefined);
  equal(unixAddress(`/${"a".repeat(106)}`)?.length, 110);
  equal(unixAddress(`/${"a".repeat(107)}`), undefined);
});

Deno.test("a datagram comes as it was sent, and what nobody takes is told", () =>
  withTempDir(async (dir) => {
    const send = unixDatagrams();
    equal(send?.(`${dir}/s`, "READY=1"), false);
    await using socket = new DatagramSocket(`${dir}/s`);
    equal(send?.(`${dir}/s`, "STATUS=é\nREADY=1"), true);
    await until(() => socket.texts.length > 0, () => "nothing came");
    deepEqual(socket.texts, ["STATUS=é\nREADY=1"]);
  }));
