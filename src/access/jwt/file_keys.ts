import type { Clock } from "../../env/clock.ts";
import type { FileSystem } from "../../env/file_system.ts";
import { getLogger } from "@logtape/logtape";
import { AccessError } from "../access_error.ts";
import { readSmallFile, WatchedFile } from "../watched_file.ts";
import { type KeySource, matchingKeys, type WantedKey } from "./key_source.ts";
import { parseKeys, type VerifyKey } from "./verify_key.ts";

const log = getLogger(["durable-streams", "access"]);

const KIND = "file of JWT keys";

/** What {@link FileKeys} work with. */
export interface FileKeysParts {
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  /** Called where other keys than before are in the file. */
  onChange(): void;
}

/** The keys of a file, which is read again where it changes. */
export class FileKeys implements KeySource {
  #keys: readonly VerifyKey[];
  #file: WatchedFile | undefined;

  private constructor(keys: readonly VerifyKey[]) {
    this.#keys = keys;
  }

  /** @throws {AccessError} where the file has no good keys */
  static async open(path: string, { onChange, ...parts }: FileKeysParts): Promise<FileKeys> {
    const where = `the ${KIND} ${path}`;
    const first = readSmallFile(parts.fileSystem, path, KIND);
    const opened = new FileKeys(await parseKeys(first, where, "file"));
    let latest = 0;
    opened.#file = new WatchedFile({
      ...parts,
      path,
      kind: KIND,
      apply(bytes) {
        // Keys are parsed elsewhere, so that a file that changes twice may be ready in the other order.
        const turn = ++latest;
        if (turn === 1) return;
        parseKeys(bytes, where, "file").then((keys) => {
          if (turn !== latest) return;
          opened.#keys = keys;
          onChange();
        }).catch((error: unknown) => {
          if (!(error instanceof AccessError)) throw error;
          log.error(`the ${KIND} changed and is no good, its keys stay: ${error.message}`);
        });
      },
    });
    return opened;
  }

  keysFor(wanted: WantedKey): Promise<readonly VerifyKey[]> {
    return Promise.resolve(matchingKeys(this.#keys, wanted));
  }

  close(): void {
    this.#file?.close();
  }
}
