#!/usr/bin/env node
/**
 * The program as the package brings it. Whoever calls it chooses the runtime, and Node by itself only
 * where it is named in the first line.
 */
import process from "node:process";
import { unsupportedNodeMessage } from "./unsupported_node.ts";

const message = unsupportedNodeMessage(process.versions);
if (message !== undefined) {
  console.error(message);
  process.exit(1);
}
// Only now: an older Node can't so much as load it.
const { main } = await import("./program.ts");
process.exit(await main());
