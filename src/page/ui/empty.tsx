import type { ComponentChildren } from "preact";

/** What stands where there is nothing to show: why, and what to do next. */
export function Empty(
  { title, children }: { readonly title: string; readonly children?: ComponentChildren },
) {
  return (
    <section class="empty">
      <h2>{title}</h2>
      {children}
    </section>
  );
}
