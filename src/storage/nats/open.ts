import { getLogger } from "@logtape/logtape";
import type { Storage } from "../storage.ts";
import { FrontEnd } from "./front_end.ts";
import { NatsStorage } from "./nats_storage.ts";
import { type NatsStorageOptions, toSettings } from "./options.ts";
import { openLayout } from "./cluster/shards.ts";
import { Publisher } from "./cluster/publisher.ts";
import { isPrefix, Subjects } from "./cluster/subjects.ts";

const logger = getLogger(["durable-streams", "storage", "nats"]);

/**
 * Opens the storage in a cluster; makes its logs where there are none.
 *
 * @throws {StreamError} `storage_unreachable`, `damaged`
 * @throws {JetStreamError} `unsuitable`
 */
export async function openNatsStorage(options: NatsStorageOptions): Promise<Storage> {
  const settings = toSettings(options);
  if (!isPrefix(settings.prefix)) {
    throw new RangeError(
      `The prefix ${
        JSON.stringify(settings.prefix)
      } can't begin subjects: it has to be a lower-case ` +
        "letter and at most 31 more letters, digits or underscores.",
    );
  }
  const subjects = new Subjects(settings.prefix);
  const publisher = new Publisher(settings);
  const layout = await openLayout(settings, subjects, publisher);
  const frontEnd = new FrontEnd(settings, subjects, publisher, layout);
  logger.debug("The storage {identity} is open with {shards} data logs.", { ...layout });
  return new NatsStorage(frontEnd.parts());
}
