/**
 * Failpoints: named places where tests kill, freeze or change a running registry. A registry in
 * production has none: `config/config.ts` refuses the setting outside of tests, and then every hit
 * does nothing.
 */

/**
 * First the steps of a publish in their order, then the steps that copy the checkpoint into the
 * blob store, then those of a backup, a restore, a takedown and a
 * delivery to a webhook. Last come the syncs, which a test skips to prove that it notices a missing
 * one.
 */
export const FAILPOINTS = [
  "publish.received",
  "publish.verified",
  "blob.synced",
  "blob.linked",
  "blob.uploaded",
  "publish.stored",
  "log.appended",
  "publish.inserted",
  "publish.recorded",
  "log.committed",
  "log.kept",
  "sidecar.written",
  "log.tiled",
  "log.copied",
  "backup.database",
  "backup.archive",
  "backup.archives",
  "backup.written",
  "backup.complete",
  "backup.pruned",
  "restore.archive",
  "restore.archives",
  "restore.database",
  "recover.tiles",
  "recover.switched",
  "recover.replaying",
  "recover.replayed",
  "purge.recorded",
  "purge.removed",
  "purge.erased",
  "webhook.sent",
  "sync.file",
  "sync.directory",
] as const;

/** The name of one failpoint. */
export type Failpoint = (typeof FAILPOINTS)[number];

/**
 * `kill` ends this process as a power cut does. `stop` freezes it until SIGCONT. `skip` leaves the
 * step out.
 */
export type FailpointAction = "kill" | "stop" | "skip";

/**
 * What happens at a failpoint. `kill` and `stop` act on hit number `atHit` only, `skip` on that and
 * every later hit.
 */
export interface ArmedFailpoint {
  readonly action: FailpointAction;
  readonly atHit: number;
}

/** The failpoints of one process. */
export interface Failpoints {
  /** Reports that the work has come to `point`. Returns true if the step must be skipped. */
  hit(point: Failpoint): boolean;
}

/** Failpoints that never act. Every registry outside of tests runs with these. */
export const noFailpoints: Failpoints = { hit: () => false };

/** Parses `publish.stored=kill@3,sync.file=skip`. Returns undefined if the text is malformed. */
export function parseFailpoints(text: string): ReadonlyMap<Failpoint, ArmedFailpoint> | undefined {
  const armed = new Map<Failpoint, ArmedFailpoint>();
  for (const part of text.split(",")) {
    const [, name, word, hit = "1"] = /^([a-z.]+)=(kill|stop|skip)(?:@(\d{1,6}))?$/.exec(part.trim()) ?? [];
    const point = FAILPOINTS.find((known) => known === name);
    if (point === undefined) return undefined;
    const action: FailpointAction = word === "kill" ? "kill" : word === "stop" ? "stop" : "skip";
    armed.set(point, { action, atHit: Number(hit) });
  }
  return armed;
}

/** Returns failpoints that act on this process as `armed` says. */
export function armFailpoints(armed: ReadonlyMap<Failpoint, ArmedFailpoint>): Failpoints {
  if (armed.size === 0) return noFailpoints;
  const hits = new Map<Failpoint, number>();
  return {
    hit(point) {
      const found = armed.get(point);
      if (found === undefined) return false;
      const count = (hits.get(point) ?? 0) + 1;
      hits.set(point, count);
      if (found.action === "skip") return count >= found.atHit;
      if (count === found.atHit) process.kill(process.pid, found.action === "kill" ? "SIGKILL" : "SIGSTOP");
      return false;
    },
  };
}
