import { FileSystemError } from "../../env/file_system.ts";
import { DirectoryError } from "../../storage/file/directory/damage.ts";
import { EXIT } from "../context/exit_code.ts";
import { PROGRAM } from "../context/program_name.ts";
import type { CommandContext } from "../context/command_context.ts";
import { UsageError } from "../flags/usage_error.ts";

/**
 * Prints why a directory can't be checked, inspected or repaired; returns the exit code for it.
 *
 * @throws {UsageError} where another directory should have been named
 */
export function printDirectoryError(error: unknown, context: CommandContext): number {
  if (error instanceof DirectoryError && error.code === "foreign") {
    throw new UsageError(error.message);
  }
  if (!(error instanceof DirectoryError) && !(error instanceof FileSystemError)) throw error;
  context.printError(`${PROGRAM}: ${error.message}`);
  if (error instanceof FileSystemError) return EXIT.failure;
  if (error.code === "in_use") return EXIT.unavailable;
  return error.code === "empty" ? EXIT.notFound : EXIT.failure;
}
