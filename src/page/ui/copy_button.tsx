import { useEffect, useState } from "preact/hooks";
import { copyText } from "./copy_text.ts";

const SHOWN_MS = 1_500;

/** Copies a text, which is made only then, and says so for a moment. */
export function CopyButton(
  { label, text }: { readonly label: string; readonly text: () => string },
) {
  const [state, setState] = useState("");
  useEffect(() => {
    if (state === "") return;
    const timer = setTimeout(() => setState(""), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [state]);
  const copy = () => copyText(text()).then(() => setState("Copied"), () => setState("Not copied"));
  return (
    <button type="button" class="copy" onClick={copy}>
      <span class={state === "" ? "" : "copy-hidden"}>{label}</span>
      <span class="copy-state" role="status">{state}</span>
    </button>
  );
}
