import { closeSync, openSync } from "node:fs";
import { devNull } from "node:os";
import { mayRead } from "./read_permission.ts";

/** Whether this process may open one more file now; true where it may not try. */
export function hasFreeDescriptor(): boolean {
  if (!mayRead(devNull)) return true;
  try {
    closeSync(openSync(devNull, "r"));
    return true;
  } catch {
    return false;
  }
}
