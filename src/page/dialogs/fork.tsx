import { useSignal } from "@preact/signals";
import { forkName, nameProblem } from "../checks/name_check.ts";
import { forkStream } from "../api/changes.ts";
import { may } from "../state/rights.ts";
import { goTo } from "../state/route.ts";
import { notify } from "../state/notice.ts";
import { StreamName } from "./stream_name.tsx";
import { ActionDialog } from "./action_dialog.tsx";
import { NameField } from "./name_field.tsx";
import { closeDialog } from "./requested.ts";

/** Makes a stream that has what another has up to an offset. */
export function ForkDialog({ source, offset }: {
  readonly source: string;
  readonly offset: string;
}) {
  const name = useSignal(forkName(source));
  const isGood = nameProblem(name.value) === undefined && may("create", name.value);
  const run = async () => {
    const { isNew } = await forkStream(source, offset, name.value);
    closeDialog();
    notify(isNew ? "The fork is made." : "This fork was there already.");
    goTo({ view: "stream", name: name.value });
  };
  return (
    <ActionDialog title="Fork stream" action="Make fork" isReady={isGood} run={run}>
      <p>
        The fork begins with all that <StreamName name={source} /> has up to offset{" "}
        <code>{offset}</code>, and goes on by itself from there.
      </p>
      <NameField label="Name of the fork" name={name} />
    </ActionDialog>
  );
}
