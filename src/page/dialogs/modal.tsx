import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";

/** What a {@link Modal} is about. */
export interface ModalProps {
  readonly title: string;
  /** Called when Esc or the cross has closed it. A dialog without it can't be closed by these. */
  readonly onClose?: (() => void) | undefined;
  readonly children: ComponentChildren;
}

/** A dialog above all else: the keyboard stays in it, and goes back to where it was. */
export function Modal({ title, onClose, children }: ModalProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useLayoutEffect(() => {
    const dialog = ref.current;
    const before = document.activeElement;
    if (dialog !== null && !dialog.open) dialog.showModal();
    dialog?.querySelector<HTMLElement>("[data-first]")?.focus();
    return () => {
      dialog?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      class="dialog"
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault();
        onClose?.();
      }}
      // The page's keys are not meant here.
      onKeyDown={(event) => event.stopPropagation()}
    >
      <header class="dialog-head">
        <h2 id={titleId}>{title}</h2>
        {onClose !== undefined && (
          <button
            type="button"
            class="dialog-close"
            aria-label="Close this dialog"
            onClick={onClose}
          >
            <span aria-hidden="true">×</span>
          </button>
        )}
      </header>
      {children}
    </dialog>
  );
}
