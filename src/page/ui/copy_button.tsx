import { useEffect, useState } from "preact/hooks";

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

/** Puts text on the clipboard, also on a page that isn't of a secure origin. */
async function copyText(text: string): Promise<void> {
  if (navigator.clipboard !== undefined) return await navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  if (!isCopied) throw new Error("The browser doesn't let this page copy.");
}
