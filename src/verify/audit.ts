import { type Frontier, rootOfFrontier } from "../log/frontier.ts";
import { counted } from "../runtime/counted.ts";
import type { Checkpoint } from "../tlog/checkpoint.ts";
import { ArchiveReader } from "./archive-reader.ts";
import { type AuditState, decodeState, encodeState, firstState } from "./audit-state.ts";
import { checkCheckpoint } from "./checkpoint-checks.ts";
import { type Check, failed, isGood, ok, unchecked, warning } from "./checks.ts";
import { continues } from "./consistency.ts";
import type { LeafProblem } from "./leaf-problem.ts";
import { type LeafHistory, withholdingAction } from "./leaf-rules.ts";
import { earlierOrigins, type LogChange } from "./log-changes.ts";
import { type RegistryClient, RegistryFault } from "./registry-client.ts";
import type { Trust } from "./trust.ts";
import { type Walk, walkLeaves } from "./walk-leaves.ts";

/** The options of an audit. */
export interface AuditOptions {
  readonly archives: boolean;
  readonly report: Walk["report"];
}

/** The result of an audit, which may be incomplete. */
export interface Audit {
  /**
   * The reason why the audit is incomplete: the registry could not be reached or did not answer.
   */
  readonly fault?: string;
  readonly origin: string | undefined;
  readonly size: number;
  /** The number of leaves that an earlier audit has checked. */
  readonly from: number;
  readonly checks: readonly Check[];
  /** In order of their leaves. */
  readonly problems: readonly LeafProblem[];
}

/** The resets of keys that an audit met, and the first of them in words. */
interface ResetsSeen {
  count: number;
  readonly shown: string[];
}

const RESETS_SHOWN = 20;

/** A running audit. */
interface RunningAudit {
  readonly client: RegistryClient;
  readonly trust: Trust;
  readonly options: AuditOptions;
  readonly checks: Check[];
  readonly problems: LeafProblem[];
  readonly withheld: LeafProblem[];
  readonly resets: ResetsSeen;
  changes: readonly LogChange[];
  origin: string | undefined;
  size: number;
  from: number;
}

/**
 * Reads the whole log of a registry, or its new leaves after an earlier audit, and checks
 * everything.
 */
export async function auditLog(client: RegistryClient, trust: Trust, options: AuditOptions): Promise<Audit> {
  const resets = { count: 0, shown: [] };
  const nothing = { checks: [], problems: [], withheld: [], resets, changes: [], origin: undefined, size: 0, from: 0 };
  const running: RunningAudit = { client, trust, options, ...nothing };
  const result = (fault?: string): Audit => {
    const { origin, size, from, checks, problems } = running;
    const inOrder = problems.toSorted((a, b) => a.index - b.index);
    return { ...(fault === undefined ? {} : { fault }), origin, size, from, checks, problems: inOrder };
  };
  try {
    await audit(running);
    return result();
  } catch (cause) {
    if (cause instanceof RegistryFault) return result(cause.message);
    throw cause;
  }
}

async function audit(running: RunningAudit): Promise<void> {
  const { client, trust, checks, problems } = running;
  const {
    checkpoint,
    saveSeen,
    changes,
    checks: ofCheckpoint,
  } = await checkCheckpoint(await client.text("/log/checkpoint"), trust, true);
  checks.push(...ofCheckpoint);
  if (checkpoint === undefined) return;
  running.origin = checkpoint.origin;
  running.size = checkpoint.size;
  running.changes = changes;
  const state = await startingState(running, checkpoint);
  running.from = state.frontier.size;
  // Save progress before the end too: an interrupted audit can continue, and the user has seen this
  // checkpoint of the log.
  const save = async (frontier: Frontier) => {
    if (!isGood(checks)) return;
    await saveSeen();
    await trust.seenLogs.saveAudit(checkpoint.origin, encodeState(stateAt(frontier, state, running)));
  };
  const frontier = await walkLeaves(walkOf(running, state, save));
  problems.push(...unloggedOf(running.withheld, state.history));
  checks.push(checkSignatures(state, problems), checkArchives(running), checkRoot(frontier, checkpoint));
  checks.push(...checkResets(running));
  if (problems.length === 0) await save(frontier);
}

function walkOf(
  { client, trust, options, changes, origin = "", size, problems, withheld, resets }: RunningAudit,
  state: AuditState,
  save: Walk["save"],
): Walk {
  const archives = options.archives ? new ArchiveReader(client) : undefined;
  const { history, looked } = state;
  const onReset = ({ name, at }: { readonly name: string; readonly at: Date }, index: number) => {
    resets.count += 1;
    if (resets.count <= RESETS_SHOWN) resets.shown.push(`${name} on ${at.toISOString()} (leaf ${index})`);
  };
  const context = { history, origin, changes, archives, nowMs: trust.now.getTime(), looked, onReset };
  return { client, size, state, context, problems, withheld, report: options.report, save };
}

/** Returns the archives that the registry withholds although no leaf of the log says so. */
function unloggedOf(withheld: readonly LeafProblem[], history: LeafHistory): LeafProblem[] {
  return withheld.flatMap(({ index, detail, withheld: about }) => {
    const action = about && withholdingAction(about, history);
    if (action === "remove" || (action === "quarantine" && about?.forGood !== true)) return [];
    const what = about?.forGood === true ? "taken down" : "withheld";
    return {
      code: "withheld_unlogged" as const,
      index,
      detail: `${detail} is ${what}, and no leaf of the log says so`,
    };
  });
}

/**
 * Returns the state at a frontier. If an archive was withheld, the next audit with archives starts
 * again.
 */
function stateAt(
  frontier: Frontier,
  state: AuditState,
  { from, size, options, trust, withheld }: RunningAudit,
): AuditState {
  const wereRead = options.archives && withheld.length === 0;
  const withArchives = state.withArchives && (wereRead || frontier.size === from);
  return { ...state, frontier, withArchives, looked: { atMs: trust.now.getTime(), size } };
}

/**
 * Returns the state of an earlier audit, if its tree is a prefix of this log and it checked as much
 * as this audit does.
 */
async function startingState(
  { client, trust, options, checks, changes }: RunningAudit,
  now: Checkpoint,
): Promise<AuditState> {
  const stored = await storedAudit(trust, [now.origin, ...earlierOrigins(changes)]);
  const first = firstState(options.archives);
  if (stored === undefined) return first;
  const state = decodeState(stored);
  if (state === undefined) {
    checks.push(warning("earlier audit", "its saved state is damaged, so everything is read again"));
    return first;
  }
  const { size } = state.frontier;
  if (size > now.size) return first;
  if (await continues(client, { size, root: rootOfFrontier(state.frontier) }, now)) {
    // Keep the known sizes of the log even if everything is read again, because they reveal
    // backdated leaves.
    return options.archives && !state.withArchives ? { ...first, looked: state.looked } : state;
  }
  checks.push(
    warning(
      "earlier audit",
      `its ${counted(size, "leaf", "leaves")} did not begin this log, so everything is read again`,
    ),
  );
  return first;
}

/** Reads the state of the last audit of a log, or of the log that it continues. */
async function storedAudit({ seenLogs }: Trust, origins: readonly string[]) {
  for (const origin of origins) {
    const stored = await seenLogs.audit(origin);
    if (stored !== undefined) return stored;
  }
  return undefined;
}

function checkRoot(frontier: Frontier, { size, root }: Checkpoint): Check {
  if (frontier.size === size && rootOfFrontier(frontier).equals(root)) {
    return ok("root", `computed from ${counted(size, "leaf", "leaves")}: ${root.toString("hex")}`);
  }
  const computed = `the root of ${counted(frontier.size, "leaf", "leaves")} is ${rootOfFrontier(frontier).toString("hex")}`;
  return failed("root", "root_differs", `${computed}, the checkpoint has ${size} and ${root.toString("hex")}`);
}

function checkSignatures({ history }: AuditState, problems: readonly LeafProblem[]): Check {
  const name = "signatures";
  const { size } = history.versions;
  const wrong = problems.filter(({ code }) => code === "signature_invalid").length;
  if (wrong > 0) return failed(name, "signature_invalid", `${wrong} of ${size} versions have an invalid signature`);
  const unread = history.archivesUnread;
  if (unread === 0) return ok(name, `the signatures of ${counted(size, "version")}`);
  const detail = `${unread} of ${size} versions have a signature over the archive itself (ed25519-archive): use --archives`;
  return unchecked(name, detail);
}

/**
 * No earlier key signs a reset, so whoever controls the registry can make one. Owners should know.
 */
function checkResets({ resets: { count, shown } }: RunningAudit): Check[] {
  if (count === 0) return [];
  const more = count > shown.length ? ", …" : "";
  const detail = `${counted(count, "reset")} of keys that no earlier key signed: ${shown.join(", ")}${more}; an owner should know of it`;
  return [warning("resets", detail)];
}

function checkArchives({ options, problems, withheld }: RunningAudit): Check {
  if (!options.archives) return unchecked("archives", "use --archives to check them");
  const wrong = problems.filter(({ code }) => code.startsWith("archive_") || code === "withheld_unlogged");
  const [first] = wrong;
  if (first !== undefined)
    return failed("archives", first.code, `${wrong.length} are missing, differ, or are withheld without a leaf`);
  const [firstWithheld] = withheld.toSorted((a, b) => a.index - b.index);
  if (firstWithheld === undefined) return ok("archives", "all have the logged digest");
  const detail = `${withheld.length} are withheld or taken down, as the log says, the first of them ${firstWithheld.detail}; all others have the logged digest`;
  return warning("archives", detail);
}
