import { CALLING } from "./calling_contract.ts";
import { FOLLOWING } from "./following_contract.ts";
import { type JetStreamKit, Subject } from "./jetstream_kit.ts";
import { PUBLISHING } from "./publishing_contract.ts";
import { READING } from "./reading_contract.ts";

/** Registers the tests that any JetStream port has to pass. */
export function jetStreamContract(name: string, open: () => Promise<JetStreamKit>): void {
  for (
    const [title, run] of Object.entries({ ...PUBLISHING, ...READING, ...FOLLOWING, ...CALLING })
  ) {
    Deno.test(`${name}: ${title}`, async () => {
      const kit = await open();
      try {
        await run(await Subject.open(kit));
      } finally {
        await kit.close();
      }
    });
  }
}
