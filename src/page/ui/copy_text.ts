/**
 * Puts text on the clipboard, also on a page that isn't of a secure origin.
 *
 * @throws {Error} where the browser doesn't let it
 */
export async function copyText(text: string): Promise<void> {
  if (navigator.clipboard !== undefined) return await navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  // What is outside of an open dialog can't be selected.
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  if (!isCopied) throw new Error("The browser doesn't let this page copy.");
}
