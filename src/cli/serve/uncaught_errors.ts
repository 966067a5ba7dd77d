import process from "node:process";
import { getLogger } from "@logtape/logtape";

const log = getLogger(["durable-streams", "process"]);

/**
 * Logs uncaught errors and keeps serving. That is safe because the write path catches its own failures and
 * poisons the storage: an error that gets here comes from a callback beside it, and ending the program
 * would turn one request's failure into everybody's.
 */
export function surviveUncaughtErrors(): void {
  process.on("uncaughtException", (error) => log.fatal("uncaught exception", { error }));
  process.on("unhandledRejection", (error) => log.fatal("unhandled rejection", { error }));
}
