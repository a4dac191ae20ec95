/** @jsxImportSource preact */
import type { QuarantineView } from "../../packages/views.ts";

/** A number of bytes as people read it. */
export function sizeText(bytes: number): string {
  if (bytes < 1_024) return `${bytes} ${bytes === 1 ? "byte" : "bytes"}`;
  const [value, unit] = bytes < 1_048_576 ? [bytes / 1_024, "KiB"] : [bytes / 1_048_576, "MiB"];
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`;
}

/** A count with its noun, such as `1 download` or `1,204 downloads`. */
export function countText(count: number, noun: string): string {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

// Making a format takes longer than rendering the rest of a page.
const MOMENT = new Intl.DateTimeFormat("en", {
  dateStyle: "medium",
  timeStyle: "short",
  timeZone: "UTC",
  hourCycle: "h23",
});
const DAY = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeZone: "UTC" });

/**
 * A day. It is not relative ("3 days ago"): pages come from the cache, and would be wrong the next
 * day.
 */
export function Day({ at }: { readonly at: string }) {
  return (
    <time datetime={at} title={at}>
      {DAY.format(new Date(at))}
    </time>
  );
}

interface CommandProps {
  readonly text: string;
  readonly label: string;
  /** True for a text that is no command. */
  readonly isPlain?: boolean;
}

/** Words of a command, of which a line has the whole or nothing: `--key` is no `--` and a `key`. */
function Words({ text }: { readonly text: string }) {
  return <>{text.split(" ").flatMap((word, at) => [at > 0 && " ", <span class="word">{word}</span>])}</>;
}

/** A command to copy. Without script, the text is there to be selected. */
export function Command({ text, label, isPlain = false }: CommandProps) {
  return (
    <div class={isPlain ? "command plain" : "command"} data-copy={label}>
      <code>{isPlain ? text : <Words text={text} />}</code>
    </div>
  );
}

/** A command, or a part of one, within a sentence. */
export function InlineCommand({ text }: { readonly text: string }) {
  return (
    <code>
      <Words text={text} />
    </code>
  );
}

/** A moment to the minute, in UTC, because a page does not know where its reader is. */
export function Moment({ at }: { readonly at: string }) {
  return (
    <time datetime={at} title={at}>
      {MOMENT.format(new Date(at))} UTC
    </time>
  );
}

/** Ends what somebody wrote with a full stop, if it has no end of its own. */
export function sentence(text: string): string {
  return /[.!?…]\s*$/.test(text) ? text : `${text}.`;
}

/** Since when and why something is in quarantine. */
export function QuarantineText({ quarantine: { at, reason } }: { readonly quarantine: QuarantineView }) {
  return (
    <>
      since <Day at={at} />: {sentence(reason)}
    </>
  );
}
