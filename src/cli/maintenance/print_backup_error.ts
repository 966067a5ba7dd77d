import { StreamError } from "../../protocol/errors.ts";
import { BackupError } from "../../storage/file/backup/check_backup.ts";
import type { CommandContext } from "../context/command_context.ts";
import { EXIT } from "../context/exit_code.ts";
import { PROGRAM } from "../context/program_name.ts";
import { printDirectoryError } from "./print_directory_error.ts";

/**
 * Prints why a backup can't be made or restored; returns the exit code for it.
 *
 * @throws {UsageError} where another directory should have been named
 */
export function printBackupError(error: unknown, context: CommandContext): number {
  if (!(error instanceof BackupError || error instanceof StreamError)) {
    return printDirectoryError(error, context);
  }
  context.printError(`${PROGRAM}: ${error.message}`);
  return EXIT.failure;
}
