import process from "node:process";
import { runBackupHistory } from "./history.ts";

/** How many histories: those of CI are the same each time. `BACKUP_FIRST` is the first one's seed. */
const count = Number(process.env["BACKUP_HISTORIES"] ?? 60);
const first = Number(process.env["BACKUP_FIRST"] ?? 1);

Deno.test("a backup that was taken while clients write is a moment of what they had done", async () => {
  const sums = { backups: 0, cutShort: 0, damaged: 0 };
  for (let seed = first; seed < first + count; seed++) {
    const { backups, cutShort, damaged } = await runBackupHistory(seed).catch((error) => {
      throw new Error(`BACKUP_FIRST=${seed} BACKUP_HISTORIES=1: ${error.message}`, {
        cause: error,
      });
    });
    sums.backups += backups;
    sums.cutShort += cutShort;
    sums.damaged += damaged;
  }
  console.log(
    `${count} histories: ${sums.backups} backups restored, ${sums.cutShort} cut short, ` +
      `${sums.damaged} damaged ones refused`,
  );
});
