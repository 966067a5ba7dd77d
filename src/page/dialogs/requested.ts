import { signal } from "@preact/signals";

/** A stream that something is to be done with. */
export interface DialogStream {
  readonly name: string;
  readonly contentType: string;
}

/** A dialog and what it is about. */
export type DialogRequest =
  | { readonly kind: "create"; readonly prefix: string }
  | { readonly kind: "append"; readonly stream: DialogStream }
  | { readonly kind: "close"; readonly name: string }
  | { readonly kind: "fork"; readonly name: string; readonly offset: string }
  | { readonly kind: "trim"; readonly name: string; readonly offset: string }
  | { readonly kind: "delete"; readonly name: string }
  | { readonly kind: "link"; readonly name: string };

/** The dialog that is open. */
export const requested = signal<DialogRequest | undefined>(undefined);

/** Opens a dialog in the place of one that is open. */
export function openDialog(request: DialogRequest): void {
  requested.value = request;
}

/** Closes the one that is open. */
export function closeDialog(): void {
  requested.value = undefined;
}
