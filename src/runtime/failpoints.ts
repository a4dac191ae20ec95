/**
 * Places where tests stop, kill or change a running registry. A registry that people use has none of them:
 * `config/config.ts` refuses the setting outside of tests, and then every call here does nothing.
 */

/**
 * Steps of a publish, in their order; then those by which the checkpoint comes to lie beside the archives; then the syncs
 * that a test may leave out to see that it would notice.
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
  "note.written",
  "log.copied",
  "sync.file",
  "sync.directory",
] as const;

export type Failpoint = (typeof FAILPOINTS)[number];

/** `kill`: this process dies as in a power cut. `stop`: it freezes until SIGCONT. `skip`: the step is left out. */
export type FailpointAction = "kill" | "stop" | "skip";

/** What happens at the `atHit`-th arrival at a point; `skip` from then on. */
export interface ArmedFailpoint {
  readonly action: FailpointAction;
  readonly atHit: number;
}

/** Told where the work has come to. Answers whether the step is to be left out. */
export type Reach = (point: Failpoint) => boolean;

/** No failpoints: what every registry outside of tests runs with. */
export const reachNothing: Reach = () => false;

/** Reads `publish.stored=kill@3,sync.file=skip`; undefined where it is not of that form. */
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

/** Makes armed failpoints act in this process. */
export function armFailpoints(armed: ReadonlyMap<Failpoint, ArmedFailpoint>): Reach {
  if (armed.size === 0) return reachNothing;
  const hits = new Map<Failpoint, number>();
  return (point) => {
    const found = armed.get(point);
    if (found === undefined) return false;
    const hit = (hits.get(point) ?? 0) + 1;
    hits.set(point, hit);
    if (found.action === "skip") return hit >= found.atHit;
    if (hit === found.atHit) process.kill(process.pid, found.action === "kill" ? "SIGKILL" : "SIGSTOP");
    return false;
  };
}
