import { openFileStorage } from "../../src/storage/file/open.ts";

/** What a directory is filled with. */
export interface Filling {
  readonly streams: number;
  readonly bytesPerStream: number;
}

const TYPE = "application/octet-stream";
const APPEND_BYTES = 1024 * 1024;
/** Streams that are written at the same time, as far as their bytes don't fill the server's queue. */
const ABREAST = 1000;
const ABREAST_BYTES = 16 * 1024 * 1024;

/** Fills a directory that isn't there yet, without a server: that would take many times as long. */
export async function fill(dir: string, { streams, bytesPerStream }: Filling): Promise<void> {
  const storage = await openFileStorage({ dir });
  const noise = crypto.getRandomValues(new Uint8Array(65_536));
  const body = new Uint8Array(Math.min(bytesPerStream, APPEND_BYTES));
  for (let at = 0; at < body.length; at += noise.length) {
    body.set(noise.subarray(0, body.length - at), at);
  }
  let next = 0;
  const writeSome = async () => {
    while (next < streams) {
      const name = `filled/${next++}`;
      const first = Math.min(bytesPerStream, body.length);
      await storage.create(name, { contentType: TYPE, body: body.slice(0, first) });
      for (let left = bytesPerStream - first; left > 0; left -= body.length) {
        await storage.append(name, {
          contentType: TYPE,
          body: body.slice(0, Math.min(left, body.length)),
        });
      }
    }
  };
  const abreast = Math.min(ABREAST, streams, Math.ceil(ABREAST_BYTES / body.length));
  await Promise.all(Array.from({ length: abreast }, writeSome));
  await storage.close();
}
