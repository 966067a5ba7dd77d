import type { Bytes } from "../../../protocol/bytes.ts";
import { StreamError } from "../../../protocol/errors.ts";
import type { SecretStore } from "../../subscription_store.ts";
import type { Publisher } from "../cluster/publisher.ts";
import type { Subjects } from "../cluster/subjects.ts";
import { toStreamError, unreachable } from "../cluster/unreachable.ts";
import { MalformedFrame } from "../format/binary.ts";
import { decodeSecrets, encodeSecrets } from "../format/meta_record.ts";
import type { JetStream } from "../jetstream.ts";

/** The secrets in the cluster, the same for all front ends. */
export class NatsSecrets implements SecretStore {
  readonly #jetStream: JetStream;
  readonly #subjects: Subjects;
  readonly #publisher: Publisher;
  #bytes: Bytes | undefined;
  #sequence = 0;
  #onChange: ((bytes: Bytes) => void) | undefined;

  constructor(jetStream: JetStream, subjects: Subjects, publisher: Publisher) {
    this.#jetStream = jetStream;
    this.#subjects = subjects;
    this.#publisher = publisher;
  }

  load(): Bytes | undefined {
    return this.#bytes;
  }

  async saveFirst(bytes: Bytes): Promise<Bytes> {
    await this.refresh();
    if (this.#bytes === undefined && !(await this.#publish(bytes))) await this.refresh();
    if (this.#bytes === undefined) throw unreachable("what signs webhooks isn't there.");
    return this.#bytes;
  }

  async save(bytes: Bytes): Promise<void> {
    if (await this.#publish(bytes)) return;
    await this.refresh();
    throw unreachable("another front end has changed what signs webhooks.");
  }

  watch(onChange: (bytes: Bytes) => void): void {
    this.#onChange = onChange;
  }

  /**
   * Looks for what others have saved.
   *
   * @throws {StreamError} `storage_unreachable`
   */
  async refresh(): Promise<void> {
    const { metaLog, secrets } = this.#subjects;
    try {
      const stored = await this.#jetStream.lastMessage(metaLog, secrets);
      if (stored === undefined || stored.sequence <= this.#sequence) return;
      this.#sequence = stored.sequence;
      this.#bytes = decodeSecrets(stored.payload.slice());
      this.#onChange?.(this.#bytes);
    } catch (error) {
      if (!(error instanceof MalformedFrame)) throw toStreamError(error);
      throw new StreamError(
        { code: "damaged" },
        `What signs webhooks is malformed in the cluster: ${error.message}.`,
      );
    }
  }

  async #publish(bytes: Bytes): Promise<boolean> {
    const { metaLog, secrets } = this.#subjects;
    const published = await this.#publisher.publish([{
      log: metaLog,
      subject: secrets,
      payload: encodeSecrets(bytes),
      expectedSequence: this.#sequence,
    }]);
    if (published.kind === "failed") throw published.error;
    if (published.kind === "refused") {
      if (!published.mayBeOurs) return false;
      await this.refresh();
      return this.#bytes !== undefined && equalBytes(this.#bytes, bytes);
    }
    this.#sequence = published.sequence;
    this.#bytes = bytes.slice();
    return true;
  }
}

function equalBytes(one: Bytes, other: Bytes): boolean {
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}
