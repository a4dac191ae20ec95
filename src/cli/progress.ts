import type { VersionDocument } from "../client/registry-documents.ts";
import type { TransferReport } from "../client/transfer.ts";
import type { Progress, Report } from "../maintenance/progress.ts";
import { durationText } from "./duration.ts";
import { bytesText } from "./table.ts";

const BAR_WIDTH = 24;
const TERMINAL_EVERY_MS = 100;
const LINE_EVERY_MS = 10_000;
const CLEAR_LINE = "\r\u001b[K";

/** The stream that shows progress: standard error, or a fake in tests. */
export interface ProgressStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

/** Shows progress of one command until it ends. */
export interface ProgressBar {
  readonly report: Report;
  /** Removes the bar from the terminal. */
  end(): void;
}

function barText(share: number): string {
  const full = Math.min(BAR_WIDTH, Math.floor(share * BAR_WIDTH));
  const head = full < BAR_WIDTH ? ">" : "";
  return `[${"=".repeat(full)}${head}${" ".repeat(BAR_WIDTH - full - head.length)}]`;
}

/**
 * Formats one line: `fsck  [=====>   ]  41 %  412/1000  12 MB/s  eta 30 s`. Without a total, there
 * is no bar.
 */
export function progressText(name: string, { done, total, bytes }: Progress, elapsedMs: number): string {
  const perSecond = elapsedMs > 0 ? (bytes * 1_000) / elapsedMs : 0;
  const speed = `${bytesText(perSecond)}/s`;
  if (total === undefined) return [name, String(done), bytesText(bytes), speed].join("  ");
  const share = total === 0 ? 1 : Math.min(1, done / total);
  const eta = share > 0 ? durationText((elapsedMs * (1 - share)) / share) : "?";
  return [name, barText(share), `${Math.floor(share * 100)} %`, `${done}/${total}`, speed, `eta ${eta}`].join("  ");
}

/**
 * Shows progress on a terminal as a bar, drawn at most ten times a second. Elsewhere it writes a
 * line every ten seconds, so that a log shows that a long run is alive. Writes nothing if `quiet`.
 */
export function progressBar(name: string, quiet: boolean, stream: ProgressStream = process.stderr): ProgressBar {
  const startedMs = performance.now();
  const isTerminal = stream.isTTY === true;
  const everyMs = isTerminal ? TERMINAL_EVERY_MS : LINE_EVERY_MS;
  let shownMs = startedMs;
  let isShown = false;
  const report: Report = (progress) => {
    const nowMs = performance.now();
    if (quiet || nowMs - shownMs < everyMs) return;
    shownMs = nowMs;
    isShown = true;
    const text = progressText(name, progress, nowMs - startedMs);
    stream.write(isTerminal ? CLEAR_LINE + text.slice(0, (stream.columns || 80) - 1) : `${text}\n`);
  };
  const end = () => {
    if (isShown && isTerminal) stream.write(CLEAR_LINE);
    isShown = false;
  };
  return { report, end };
}

/** Reports the bytes of downloads, each with a bar of its own. */
export function progressOf(isQuiet: boolean) {
  return ({ name, version, size }: VersionDocument): TransferReport => {
    const bar = progressBar(`${name} ${version}`, isQuiet);
    return (bytes) => {
      bar.report({ done: bytes, total: size, bytes });
      if (bytes === size) bar.end();
    };
  };
}
