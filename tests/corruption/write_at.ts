/** Overwrites one byte of a file. */
export function writeAt(path: string, position: number, byte: number): void {
  const file = Deno.openSync(path, { write: true });
  try {
    file.seekSync(position, Deno.SeekMode.Start);
    file.writeSync(Uint8Array.of(byte));
  } finally {
    file.close();
  }
}
