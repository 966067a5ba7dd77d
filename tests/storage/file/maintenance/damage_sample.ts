import { join } from "node:path";
import { flipBit } from "../../../support/wal_kit.ts";

/** Paths of a folder's files and folders, sorted. */
export function filesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => join(folder, name)).sort();
}

/** A directory's segment files that end so, sorted. */
export function segmentFiles(dir: string, extension: ".log" | ".idx"): string[] {
  return filesIn(join(dir, "segments")).flatMap(filesIn).filter((path) => path.endsWith(extension));
}

/** The newest file of a directory's log. */
export function newestLog(dir: string): string {
  return filesIn(join(dir, "wal")).filter((path) => path.endsWith(".wal")).at(-1) ?? "";
}

/** Every file's bytes by its path, so that a change of any shows. */
export function snapshot(dir: string): Map<string, string> {
  const files = new Map<string, string>();
  for (const path of filesIn(dir)) {
    if (Deno.statSync(path).isFile) files.set(path, Deno.readFileSync(path).toHex());
    else for (const [inner, bytes] of snapshot(path)) files.set(inner, bytes);
  }
  return files;
}

/** Changes a bit of the newest copy of a text in a file. */
export function flipText(path: string, text: string, within = 0): void {
  const at = new TextDecoder("latin1").decode(Deno.readFileSync(path)).lastIndexOf(text);
  if (at < 0) throw new Error(`${path} doesn't hold ${text}`);
  flipBit(path, at + within);
}

/** Overwrites a part of a file with zeros. */
export function zeroOut(path: string, position: number, lengthBytes: number): void {
  const file = Deno.openSync(path, { write: true });
  try {
    file.seekSync(position, Deno.SeekMode.Start);
    file.writeSync(new Uint8Array(lengthBytes));
  } finally {
    file.close();
  }
}
