import { tokenPosition } from "../../protocol/offset.ts";
import { trimStream } from "../api/changes.ts";
import { notify } from "../state/notice.ts";
import { formatBytes } from "../ui/figures.ts";
import { ActionDialog } from "./action_dialog.tsx";
import { closeDialog } from "./requested.ts";
import { StreamName } from "./stream_name.tsx";

/** Takes what comes before a message out of its stream. */
export function TrimDialog({ name, offset }: { readonly name: string; readonly offset: string }) {
  const run = async () => {
    await trimStream(name, offset);
    closeDialog();
    notify("What came before is gone.");
  };
  return (
    <ActionDialog title="Trim stream" action="Trim stream" isReady isDangerous run={run}>
      <p>
        This deletes what <StreamName name={name} /> has before this message, the first{" "}
        {formatBytes(tokenPosition(offset) ?? 0)}{" "}
        that were ever appended, for everybody and for good. Offsets stay as they are.
      </p>
    </ActionDialog>
  );
}
