import { deepEqual, rejects } from "node:assert/strict";
import "../page_globals.ts";
import { copyText } from "../../../src/page/ui/copy_text.ts";

/** A document of an origin that isn't secure: without `navigator.clipboard`. */
function insecureDocument({ isDialogOpen, takes }: { isDialogOpen: boolean; takes: boolean }) {
  const copied: string[] = [];
  const place = (name: string) => ({
    append: (area: { value: string }) => copied.push(`${name}: ${area.value}`),
  });
  Object.assign(document, {
    createElement: () => ({ value: "", select() {}, remove() {} }),
    querySelector: (selector: string) =>
      isDialogOpen && selector === "dialog[open]" ? place("dialog") : null,
    execCommand: () => takes,
    body: place("body"),
  });
  return copied;
}

Deno.test("text is copied without a secure origin, from within the dialog that is open", async () => {
  const outside = insecureDocument({ isDialogOpen: false, takes: true });
  await copyText("a");
  const inside = insecureDocument({ isDialogOpen: true, takes: true });
  await copyText("b");
  deepEqual([outside, inside], [["body: a"], ["dialog: b"]]);
});

Deno.test("a browser that doesn't let the page copy is told of", async () => {
  insecureDocument({ isDialogOpen: false, takes: false });
  await rejects(copyText("a"), /doesn't let this page copy/);
});
