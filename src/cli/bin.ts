#!/usr/bin/env node
/**
 * The program's entry point in the package. The caller chooses the runtime; called by its name alone, it
 * runs on Node, as the first line says.
 */
import process from "node:process";
import { unsupportedNodeMessage } from "./unsupported_node.ts";

const message = unsupportedNodeMessage(process.versions);
if (message !== undefined) {
  console.error(message);
  process.exit(1);
}
// Not imported statically, since an older Node can't load it.
const { main } = await import("./program.ts");
process.exit(await main());
