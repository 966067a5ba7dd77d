import { appendCommand } from "./commands/append.ts";
import { closeCommand } from "./commands/close.ts";
import { completionCommand } from "./commands/completion.ts";
import { configCommand } from "./commands/config.ts";
import { configureCommand } from "./commands/configure.ts";
import { copyCommand } from "./commands/copy.ts";
import { createCommand } from "./commands/create.ts";
import { deleteCommand } from "./commands/delete.ts";
import { demoCommand } from "./commands/demo.ts";
import { exportCommand } from "./commands/export.ts";
import { forkCommand } from "./commands/fork.ts";
import { headCommand } from "./commands/head.ts";
import { healthCommand } from "./commands/health.ts";
import { importCommand } from "./commands/import.ts";
import { linkCommand } from "./commands/link.ts";
import { listCommand } from "./commands/list.ts";
import { readCommand } from "./commands/read.ts";
import { snapshotCommand } from "./commands/snapshot.ts";
import { subscriptionCommand } from "./commands/subscription.ts";
import { tailCommand } from "./commands/tail.ts";
import { tokenCommand } from "./commands/token.ts";
import { trimCommand } from "./commands/trim.ts";
import { topCommand } from "./commands/top.ts";
import { workerCommand } from "./commands/worker.ts";
import { backupCommand } from "./maintenance/backup.ts";
import { checkCommand } from "./maintenance/check.ts";
import { duCommand } from "./maintenance/du.ts";
import { inspectCommand } from "./maintenance/inspect.ts";
import { repairCommand } from "./maintenance/repair.ts";
import { restoreCommand } from "./maintenance/restore.ts";
import { checkSettings, serveCommand } from "./serve/serve.ts";
import type { CliCommand } from "./context/cli_command.ts";

/** The program's commands, a file each; the first runs if none is named. */
export const commands: readonly CliCommand[] = [
  serveCommand,
  createCommand,
  appendCommand,
  readCommand,
  tailCommand,
  headCommand,
  healthCommand,
  closeCommand,
  forkCommand,
  configureCommand,
  trimCommand,
  snapshotCommand,
  deleteCommand,
  listCommand,
  copyCommand,
  exportCommand,
  importCommand,
  topCommand,
  subscriptionCommand,
  workerCommand,
  tokenCommand,
  linkCommand,
  demoCommand,
  duCommand,
  backupCommand,
  restoreCommand,
  checkCommand,
  inspectCommand,
  repairCommand,
  configCommand(checkSettings),
  completionCommand(() => commands),
];
