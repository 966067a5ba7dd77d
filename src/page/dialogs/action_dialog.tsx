import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { messageOf } from "../api/request.ts";
import { Modal } from "./modal.tsx";
import { closeDialog } from "./requested.ts";

/** What an {@link ActionDialog} does. */
export interface ActionDialogProps {
  readonly title: string;
  /** The button's text: `Append`. */
  readonly action: string;
  /** Whether what is typed can be sent. */
  readonly isReady: boolean;
  /** It can't be undone. */
  readonly isDangerous?: boolean;
  /** Does it, and resolves once it is done; what it rejects with is shown, and the dialog stays. */
  readonly run: () => Promise<void>;
  readonly children: ComponentChildren;
}

/** A form that does one thing, says why it couldn't, and closes once it is done. */
export function ActionDialog(props: ActionDialogProps) {
  const { title, action, isReady, isDangerous = false, run, children } = props;
  const isBusy = useSignal(false);
  const failure = useSignal("");
  const submit = async () => {
    if (!isReady || isBusy.value) return;
    isBusy.value = true;
    failure.value = "";
    try {
      await run();
    } catch (error) {
      failure.value = messageOf(error);
    }
    isBusy.value = false;
  };
  return (
    <Modal title={title} onClose={closeDialog}>
      <form
        class="dialog-form"
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit();
        }}
      >
        {children}
        <p class="dialog-failure" role="alert">{failure.value}</p>
        <footer class="dialog-foot">
          <button type="button" onClick={closeDialog}>Cancel</button>
          <button
            type="submit"
            class={isDangerous ? "danger" : "primary"}
            disabled={!isReady || isBusy.value}
          >
            {action}
          </button>
        </footer>
      </form>
    </Modal>
  );
}
