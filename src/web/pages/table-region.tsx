/** @jsxImportSource preact */
import type { ComponentChildren } from "preact";

interface TableRegionProps {
  /** What a screen reader calls the table. */
  readonly label: string;
  readonly children: ComponentChildren;
}

/** A table that scrolls by itself on a phone, and by the keyboard. */
export function TableRegion({ label, children }: TableRegionProps) {
  return (
    <section class="table" aria-label={label} tabindex={0}>
      <table>{children}</table>
    </section>
  );
}
