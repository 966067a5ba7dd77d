import { appendVerb } from "./commands/append.ts";
import { closeVerb } from "./commands/close.ts";
import { completionVerb } from "./commands/completion/completion.ts";
import { createVerb } from "./commands/create.ts";
import { deleteVerb } from "./commands/delete.ts";
import { forkVerb } from "./commands/fork.ts";
import { headVerb } from "./commands/head.ts";
import { healthVerb } from "./commands/health.ts";
import { listVerb } from "./commands/list.ts";
import { readVerb } from "./commands/read.ts";
import { tailVerb } from "./commands/tail.ts";
import { checkVerb } from "./maintenance/check.ts";
import { inspectVerb } from "./maintenance/inspect.ts";
import { repairVerb } from "./maintenance/repair.ts";
import { serve } from "./serve/serve.ts";
import type { Verb } from "./context/cli_command.ts";

/** The program's commands; the first is the one that runs where none is named. */
export const verbs: readonly Verb[] = [
  serve,
  createVerb,
  appendVerb,
  readVerb,
  tailVerb,
  headVerb,
  healthVerb,
  closeVerb,
  forkVerb,
  deleteVerb,
  listVerb,
  checkVerb,
  inspectVerb,
  repairVerb,
  completionVerb(() => verbs),
];
