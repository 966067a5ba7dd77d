import { StreamError } from "../../../src/protocol/errors.ts";
import type { Storage } from "../../../src/storage/storage.ts";

/** All that a stream holds; `undefined` where there is none. */
export async function readText(storage: Storage, name: string): Promise<string | undefined> {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for (let at = 0;;) {
      const { data, next, tail } = await storage.read(name, at, 1_000_000);
      text += decoder.decode(data);
      at = next;
      if (at >= tail) return text;
    }
  } catch (error) {
    const isGone = error instanceof StreamError &&
      (error.code === "not_found" || error.code === "gone");
    if (isGone) return undefined;
    throw error;
  }
}

/** A stream's snapshot with the offset that it is of; `undefined` where there is none. */
export async function readSnapshot(storage: Storage, name: string): Promise<string | undefined> {
  try {
    const found = await storage.snapshots?.get(name);
    return found && `${found.position} ${new TextDecoder().decode(found.body)}`;
  } catch (error) {
    const isGone = error instanceof StreamError &&
      ["not_found", "gone", "snapshot_not_found"].includes(error.code);
    if (isGone) return undefined;
    throw error;
  }
}
