import { deepStrictEqual as equal } from "node:assert";
import { OpenSegments } from "../../../../src/storage/file/segments/open_segments.ts";
import { segmentFolder, type SegmentName } from "../../../../src/storage/file/directory/paths.ts";
import { HookedFileSystem } from "../../../support/hooked_file_system.ts";
import { withTempDir } from "../../../support/temp_dir.ts";

const UUID = "00000000-0000-4000-8000-000000000000";

function withSegments(
  run: (segments: OpenSegments, fileSystem: HookedFileSystem) => void,
): () => Promise<void> {
  return () =>
    withTempDir((root) => {
      const fileSystem = new HookedFileSystem();
      const segments = new OpenSegments(fileSystem, root, UUID, 4);
      for (const streamId of [1, 2, 3]) {
        fileSystem.makeDirectory(segmentFolder(root, streamId));
        segments.create(nameOf(streamId));
      }
      run(segments, fileSystem);
      segments.close();
      equal(fileSystem.openFiles, 0);
      return Promise.resolve();
    });
}

function nameOf(streamId: number): SegmentName {
  return { streamId, base: 0, generation: 0 };
}

function pathOf(segments: OpenSegments, streamId: number): string {
  return segments.useSync(nameOf(streamId), ({ log }) => (log.size(), log.path));
}

Deno.test(
  "a segment that was used last is opened again once it was forgotten",
  withSegments((segments, fileSystem) => {
    const path = pathOf(segments, 1);
    equal(pathOf(segments, 1), path);
    equal(fileSystem.openFiles, 2);
    segments.forget(nameOf(1));
    equal(fileSystem.openFiles, 0);
    equal(pathOf(segments, 1), path);
  }),
);

Deno.test(
  "a segment stays open until everyone who holds it has let go",
  withSegments((segments, fileSystem) => {
    const [letGo, letGoToo] = [segments.hold(nameOf(1)), segments.hold(nameOf(1))];
    segments.forget(nameOf(1));
    equal(segments.mayHold, false, "half of the two segments that may be open");
    letGo();
    letGo();
    equal(fileSystem.openFiles, 2);
    equal(segments.mayHold, false);
    letGoToo();
    equal(fileSystem.openFiles, 0);
    equal(segments.mayHold, true);
  }),
);

Deno.test(
  "the segment used longest ago is closed",
  withSegments((segments, fileSystem) => {
    const opened: string[] = [];
    fileSystem.before = ({ call, path }) => void (call === "open" && opened.push(path));
    for (const streamId of [1, 2, 1, 1, 3, 1, 2]) pathOf(segments, streamId);
    const logs = opened.filter((path) => path.endsWith(".log"));
    equal(logs.length, 4, "1, 2, then 3 in the place of 2, and 2 in that of 3");
    equal(fileSystem.openFiles, 4);
  }),
);

Deno.test(
  "files that a read opens after the close don't stay open",
  withSegments((segments, fileSystem) => {
    segments.close();
    const release = segments.hold(nameOf(1));
    pathOf(segments, 2);
    equal(fileSystem.openFiles, 2, "only those that are held");
    release();
    equal(fileSystem.openFiles, 0);
  }),
);
