import { hello } from "../state/feed.ts";
import { may } from "../state/rights.ts";
import { type DialogRequest, type DialogStream, openDialog } from "./requested.ts";

/** A stream and how it is, as far as that decides what can be done with it. */
export interface ActedOn extends DialogStream {
  readonly closed: boolean;
}

/** Buttons for what may be done with a stream; what isn't granted, or can't be, isn't there. */
export function StreamActions({ stream }: { readonly stream: ActedOn }) {
  const { name, closed } = stream;
  return (
    <>
      {!closed && may("append", name) && (
        <Action label="Append" isPrimary request={{ kind: "append", stream }} />
      )}
      {!closed && may("close", name) && <Action label="Close" request={{ kind: "close", name }} />}
      {hello.value?.links === true && may("read", name) && (
        <Action label="Signed link" request={{ kind: "link", name }} />
      )}
      {may("delete", name) && <Action label="Delete" request={{ kind: "delete", name }} />}
    </>
  );
}

/** A button that makes a fork of a stream at an offset, where that is granted. */
export function ForkButton({ name, offset, label = "Fork here" }: {
  readonly name: string;
  readonly offset: string;
  readonly label?: string;
}) {
  if (!may("create") || !may("read", name)) return null;
  return <Action label={label} request={{ kind: "fork", name, offset }} />;
}

/** A button that makes a stream in a folder, where that is granted. */
export function CreateButton({ prefix }: { readonly prefix: string }) {
  if (!may("create")) return null;
  return <Action label="Create stream" isPrimary request={{ kind: "create", prefix }} />;
}

function Action({ label, request, isPrimary = false }: {
  readonly label: string;
  readonly request: DialogRequest;
  readonly isPrimary?: boolean;
}) {
  return (
    <button
      type="button"
      class={isPrimary ? "primary" : "plain"}
      onClick={() => openDialog(request)}
    >
      {label}
    </button>
  );
}
