import { getLogger } from "@logtape/logtape";
import type { Storage } from "../storage.ts";
import { FrontEnd, type FrontEndSubscriptions } from "./front_end.ts";
import { NatsStorage } from "./nats_storage.ts";
import { type NatsSettings, type NatsStorageOptions, toSettings } from "./options.ts";
import { NatsSecrets } from "./subscriptions/nats_secrets.ts";
import { NatsSubscriptions } from "./subscriptions/nats_subscriptions.ts";
import { openLayout, readShards } from "./cluster/shards.ts";
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
  const secrets = new NatsSecrets(settings.jetStream, subjects, publisher);
  await secrets.refresh();
  const append: Storage["append"] = (name, request) => storage.append(name, request);
  const frontEnd = new FrontEnd(
    settings,
    subjects,
    publisher,
    layout,
    (parts) => makeSubscriptions({ settings, subjects, publisher, secrets, append }, parts),
  );
  logger.debug("The storage {identity} is open with {shards} data logs.", { ...layout });
  const storage: Storage = new NatsStorage(frontEnd.parts());
  return storage;
}

function makeSubscriptions(
  { settings, subjects, publisher, secrets, append }: {
    settings: NatsSettings;
    subjects: Subjects;
    publisher: Publisher;
    secrets: NatsSecrets;
    append: Storage["append"];
  },
  parts: FrontEndSubscriptions,
): NatsSubscriptions {
  const { clock, jetStream, maxSubscriptions, random } = settings;
  let count = 0;
  return new NatsSubscriptions({
    ...parts,
    clock,
    jetStream,
    subjects,
    publisher,
    maxSubscriptions,
    secrets,
    append,
    random,
    nextCount: () => ++count,
    shards: () => readShards(jetStream, subjects),
  });
}
