import type { Clock } from "../../env/clock.ts";
import type { FileSystem } from "../../env/file_system.ts";
import { WatchedFile } from "../watched_file.ts";
import { type KeySource, matchingKeys, type WantedKey } from "./key_source.ts";
import { parseKeys, type VerifyKey } from "./verify_key.ts";

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
  #keys: readonly VerifyKey[] = [];
  #file: WatchedFile | undefined;

  private constructor() {}

  /** @throws {AccessError} where the file has no good keys */
  static async open(path: string, { onChange, ...parts }: FileKeysParts): Promise<FileKeys> {
    const opened = new FileKeys();
    let latest = 0;
    let first: Promise<void> | undefined;
    opened.#file = new WatchedFile({
      ...parts,
      path,
      kind: KIND,
      apply(bytes) {
        // Keys are parsed elsewhere, so that of two changes the later one may be ready first.
        const turn = ++latest;
        const taken = parseKeys(bytes, `the ${KIND} ${path}`, "file").then((keys) => {
          if (turn !== latest) return;
          opened.#keys = keys;
          if (turn > 1) onChange();
        });
        if (turn === 1) first = taken;
        return taken;
      },
    });
    try {
      await first;
      return opened;
    } catch (error) {
      opened.close();
      throw error;
    }
  }

  keysFor(wanted: WantedKey): Promise<readonly VerifyKey[]> {
    return Promise.resolve(matchingKeys(this.#keys, wanted));
  }

  close(): void {
    this.#file?.close();
  }
}
