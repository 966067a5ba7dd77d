/** The part of Bun's global that is used here. */
interface BunFiles {
  file(path: string): Blob;
}

const files = bunFiles();

/**
 * A part of a file as a body that the runtime sends from the page cache, without reading it into memory
 * (sendfile): half the CPU for a MiB. `undefined` where the runtime has no such thing: only Bun does.
 *
 * The file is opened when a response with the blob is handed to the runtime, and has to be there until
 * then. Once it is open, removing it does no harm to those who read it.
 */
export const fileBlob: ((path: string, start: number, end: number) => Blob) | undefined = files &&
  ((path, start, end) => files.file(path).slice(start, end));

function bunFiles(): BunFiles | undefined {
  const bun: unknown = Reflect.get(globalThis, "Bun");
  return isBunFiles(bun) ? bun : undefined;
}

function isBunFiles(value: unknown): value is BunFiles {
  return typeof value === "object" && value !== null && "file" in value &&
    typeof value.file === "function";
}
