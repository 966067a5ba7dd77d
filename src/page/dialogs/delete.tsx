import { useSignal } from "@preact/signals";
import { deleteStream } from "../api/changes.ts";
import { goTo } from "../state/route.ts";
import { notify } from "../state/notice.ts";
import { hasHidden, visibleText } from "../ui/text.tsx";
import { StreamName } from "./stream_name.tsx";
import { ActionDialog } from "./action_dialog.tsx";
import { Field } from "./field.tsx";
import { closeDialog } from "./requested.ts";

/** Deletes a stream, whose name has to be typed. */
export function DeleteDialog({ name }: { readonly name: string }) {
  const typed = useSignal("");
  const run = async () => {
    await deleteStream(name);
    closeDialog();
    notify("The stream is deleted.");
    goTo({ view: "streams", prefix: name.slice(0, name.lastIndexOf("/") + 1) });
  };
  return (
    <ActionDialog
      title="Delete stream"
      action="Delete stream"
      isReady={typed.value === name || typed.value === visibleText(name)}
      isDangerous
      run={run}
    >
      <p>
        This deletes <StreamName name={name} />{" "}
        and all that is in it, for everybody and for good. Forks of it keep what they have.
      </p>
      <Field
        label="Type the stream's name"
        hint={hasHidden(name)
          ? "To be sure that it is this one: with U+… for what can't be seen, as it stands above."
          : "To be sure that it is this one."}
      >
        {(ids) => (
          <input
            {...ids}
            data-first
            type="text"
            class="mono"
            autocomplete="off"
            spellcheck={false}
            dir="auto"
            value={typed}
            onInput={(event) => typed.value = event.currentTarget.value}
          />
        )}
      </Field>
    </ActionDialog>
  );
}
