/** The program: `durable-streams [serve] [flags]`. */
import process from "node:process";
import { main } from "./src/cli/program.ts";

process.exit(await main());
