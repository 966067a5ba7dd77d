import { closeStream } from "../api/changes.ts";
import { StreamName } from "./stream_name.tsx";
import { notify } from "../state/notice.ts";
import { ActionDialog } from "./action_dialog.tsx";
import { closeDialog } from "./requested.ts";

/** Closes a stream. */
export function CloseDialog({ name }: { readonly name: string }) {
  const run = async () => {
    await closeStream(name);
    closeDialog();
    notify("The stream is closed.");
  };
  return (
    <ActionDialog title="Close stream" action="Close stream" isReady run={run}>
      <p>
        After this nothing can be appended to{" "}
        <StreamName name={name} />. It stays readable, its readers are told that it has ended, and
        it can't be opened again.
      </p>
    </ActionDialog>
  );
}
