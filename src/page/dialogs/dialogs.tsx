import { useEffect } from "preact/hooks";
import { AppendDialog } from "./append.tsx";
import { CloseDialog } from "./close.tsx";
import { CreateDialog } from "./create.tsx";
import { ForkDialog } from "./fork.tsx";
import { LinkDialog } from "./link.tsx";
import { DeleteDialog } from "./delete.tsx";
import { TrimDialog } from "./trim.tsx";
import { closeDialog, requested } from "./requested.ts";

/** The dialog that is open, if any. */
export function Dialogs() {
  const request = requested.value;
  // Whoever goes back, or elsewhere by the address, leaves the stream that it is about.
  useEffect(() => {
    addEventListener("popstate", closeDialog);
    return () => removeEventListener("popstate", closeDialog);
  }, []);
  switch (request?.kind) {
    case undefined:
      return null;
    case "create":
      return <CreateDialog prefix={request.prefix} />;
    case "append":
      return <AppendDialog stream={request.stream} />;
    case "close":
      return <CloseDialog name={request.name} />;
    case "fork":
      return <ForkDialog source={request.name} offset={request.offset} />;
    case "trim":
      return <TrimDialog name={request.name} offset={request.offset} />;
    case "delete":
      return <DeleteDialog name={request.name} />;
    case "link":
      return <LinkDialog name={request.name} />;
  }
}
