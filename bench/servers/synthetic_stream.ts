const MESSAGE_BYTES = 256;

/**
 * One chunk of the stream that the bare handlers serve to catch-up readers: JSON messages of 256
 * bytes, each followed by `,\n`, so that the same bytes are right for a byte stream and a JSON one.
 */
export function syntheticChunk(chunkBytes: number): Uint8Array<ArrayBuffer> {
  const chunk = new Uint8Array(chunkBytes);
  const encoder = new TextEncoder();
  for (let at = 0; at < chunkBytes; at += MESSAGE_BYTES) {
    const head = `{"n":${at / MESSAGE_BYTES},"text":"`;
    const tail = `"},\n`;
    const fill = "x".repeat(MESSAGE_BYTES - head.length - tail.length);
    encoder.encodeInto(head + fill + tail, chunk.subarray(at, at + MESSAGE_BYTES));
  }
  return chunk;
}

/** Turns a chunk of messages followed by `,\n` into a JSON array. */
export function asJsonArray(chunk: Uint8Array): Uint8Array<ArrayBuffer> {
  const array = new Uint8Array(chunk.byteLength);
  array[0] = 0x5b;
  array.set(chunk.subarray(0, chunk.byteLength - 2), 1);
  array[chunk.byteLength - 1] = 0x5d;
  return array;
}
