import { fullGC, heapStats } from "bun:jsc";
import { parseHead } from "../../src/http/request_head.ts";
import { encodeUtf8 } from "../../src/protocol/bytes.ts";
import { openFileStorage } from "../../src/storage/file/open.ts";

/**
 * For Bun: prints how many bytes each stream holds in memory whose requests had heads of 15 KiB. What
 * is cut from a text keeps all of it alive there.
 */

const FILLER = "f".repeat(15 * 1024);
const STREAMS = 400;

const [dir = ""] = process.argv.slice(2);
const storage = await openFileStorage({ dir });

function headOf(name: string): string {
  const text =
    `POST /a-name-of-some-length-${name} HTTP/1.1\r\nhost: x\r\nx-filler: ${FILLER}\r\n` +
    `content-type: text/plain; of=${name}\r\nproducer-id: producer-of-${name}\r\n` +
    `stream-seq: sequence-of-${name}\r\n`;
  // As a socket gives it: one flat text.
  return Buffer.from(text).toString("latin1");
}

async function make(name: string): Promise<void> {
  const { target, headers } = parseHead(headOf(name));
  const contentType = headers.get("content-type") ?? "";
  const producer = { id: headers.get("producer-id") ?? "", epoch: 0, seq: 0 };
  const seq = headers.get("stream-seq") ?? "";
  await storage.create(target.slice(1), { contentType });
  await storage.append(target.slice(1), {
    contentType,
    body: encodeUtf8("x"),
    close: true,
    producer,
    seq,
  });
}

function heldBytes(): number {
  fullGC();
  const { heapSize, extraMemorySize } = heapStats();
  return heapSize + extraMemorySize;
}

for (let i = 0; i < STREAMS; i++) await make(`warm-${i}`);
const before = heldBytes();
for (let i = 0; i < STREAMS; i++) await make(`stream-${i}`);
console.log(Math.round((heldBytes() - before) / STREAMS));
await storage.close();
