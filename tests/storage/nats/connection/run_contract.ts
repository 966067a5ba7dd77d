/**
 * What any JetStream port has to do, on the runtime that runs this, by servers that are there: their URLs, and
 * how many replicas logs have. Says of each test whether it has passed.
 */
import process from "node:process";
import { CALLING } from "../calling_contract.ts";
import { FOLLOWING } from "../following_contract.ts";
import { Subject } from "../jetstream_kit.ts";
import { PUBLISHING } from "../publishing_contract.ts";
import { READING } from "../reading_contract.ts";
import { realKit } from "./real_kit.ts";

const [urls = "", monitorUrls = "", replicas = ""] = process.argv.slice(2);

for (
  const [title, run] of Object.entries({ ...PUBLISHING, ...READING, ...FOLLOWING, ...CALLING })
) {
  const kit = realKit({
    urls: urls.split(","),
    monitorUrls: monitorUrls.split(","),
    replicas: Number(replicas),
  });
  try {
    await run(await Subject.open(kit));
    console.log(`ok ${title}`);
  } catch (error) {
    console.log(`not ok ${title}`);
    console.log(error);
    process.exitCode = 1;
  } finally {
    await kit.close();
  }
}
