import { DatabaseSync } from "node:sqlite";
import { FileKit } from "../../../support/file_kit.ts";
import { appendText, makeText, storeOf, subscribe } from "../../../support/subscription_kit.ts";
import { copyKilled } from "../../../support/temp_dir.ts";

/**
 * Makes a directory with two streams, `a` and `b`, and a subscription of each, to which something is
 * pending. They are in rows; the log has a link of each, and a third subscription.
 *
 * @param root a directory of the test's own
 * @returns where it is, as a kill has left it
 */
export async function makeSubscribed(root: string): Promise<string> {
  const kit = new FileKit(root, { walBytes: 256 * 1024 });
  const storage = await kit.open();
  for (const name of ["a", "b"]) {
    await makeText(storage, name, "old\n");
    await subscribe(storage, `of-${name}`, { streams: [name] });
    await appendText(storage, name, "new\n");
  }
  await kit.checkpoint();
  for (const name of ["of-a", "of-b"]) await storeOf(storage).link(name, ["later"]);
  await subscribe(storage, "logged", { pattern: "**" });
  await appendText(storage, "b", "newer\n");
  const killed = `${root}/killed`;
  copyKilled(kit.dir, killed);
  await kit.close();
  return killed;
}

/** Changes rows behind the back of their checksums. */
export function changeRows(dir: string, sql: string): void {
  const database = new DatabaseSync(`${dir}/catalog.sqlite`);
  try {
    database.exec(sql);
  } finally {
    database.close();
  }
}
