import { type Frontier, rootOfFrontier } from "../log/frontier.ts";
import type { Checkpoint } from "../tlog/checkpoint.ts";
import { ArchiveReader } from "./archive-reader.ts";
import { type AuditState, firstState, stateOf, storedOf } from "./audit-state.ts";
import { checkCheckpoint, continues, type Trust } from "./checkpoint-checks.ts";
import { type Check, failed, isGood, ok, unchecked, warning } from "./checks.ts";
import type { LeafProblem } from "./leaf-problem.ts";
import { type RegistryClient, RegistryFault } from "./registry-client.ts";
import { type Walk, walkLeaves } from "./walk-leaves.ts";

/** How an audit goes. */
export interface AuditOptions {
  readonly archives: boolean;
  readonly report: Walk["report"];
}

/** What was found, as far as it went. */
export interface Audit {
  /** Why not everything was read: the registry could not be asked. */
  readonly fault?: string;
  readonly origin: string | undefined;
  readonly size: number;
  /** Leaves that an earlier audit had checked. */
  readonly from: number;
  readonly checks: readonly Check[];
  /** In the order of the log. */
  readonly problems: readonly LeafProblem[];
}

/** An audit that goes on. */
interface Going {
  readonly client: RegistryClient;
  readonly trust: Trust;
  readonly options: AuditOptions;
  readonly checks: Check[];
  readonly problems: LeafProblem[];
  readonly withheld: LeafProblem[];
  origin: string | undefined;
  size: number;
  from: number;
}

/** Reads the whole log of a registry, or what is new in it, and checks all of it. */
export async function auditLog(client: RegistryClient, trust: Trust, options: AuditOptions): Promise<Audit> {
  const nothing = { checks: [], problems: [], withheld: [], origin: undefined, size: 0, from: 0 };
  const going: Going = { client, trust, options, ...nothing };
  const result = (fault?: string): Audit => {
    const { origin, size, from, checks, problems } = going;
    const inOrder = problems.toSorted((a, b) => a.index - b.index);
    return { ...(fault === undefined ? {} : { fault }), origin, size, from, checks, problems: inOrder };
  };
  try {
    await audit(going);
    return result();
  } catch (cause) {
    if (cause instanceof RegistryFault) return result(cause.message);
    throw cause;
  }
}

async function audit(going: Going): Promise<void> {
  const { client, trust, checks, problems } = going;
  const {
    checkpoint,
    remember,
    checks: ofCheckpoint,
  } = await checkCheckpoint(await client.text("/log/checkpoint"), trust);
  checks.push(...ofCheckpoint);
  if (checkpoint === undefined) return;
  going.origin = checkpoint.origin;
  going.size = checkpoint.size;
  const state = await startingState(going, checkpoint);
  going.from = state.frontier.size;
  // Saved before all is read too: whoever is interrupted goes on, and has seen what the log had signed by then.
  const save = async (frontier: Frontier) => {
    if (!isGood(checks)) return;
    await remember();
    await trust.seenLogs.saveAudit(checkpoint.origin, storedOf(stateAt(frontier, state, going)));
  };
  const frontier = await walkLeaves(walkOf(going, state, save));
  checks.push(checkSignatures(state, problems), checkArchives(going), checkRoot(frontier, checkpoint));
  if (problems.length === 0) await save(frontier);
}

function walkOf({ client, options, size, problems, withheld }: Going, state: AuditState, save: Walk["save"]): Walk {
  const archives = options.archives ? new ArchiveReader(client) : undefined;
  return { client, size, state, archives, problems, withheld, report: options.report, save };
}

/** Archives that were held back are read another time. */
function stateAt(frontier: Frontier, state: AuditState, { from, options, withheld }: Going): AuditState {
  const wereRead = options.archives && withheld.length === 0;
  const withArchives = state.withArchives && (wereRead || frontier.size === from);
  return { ...state, frontier, withArchives };
}

/** Where an earlier audit ended, if that is the beginning of this log and it read as much. */
async function startingState({ client, trust, options, checks }: Going, now: Checkpoint): Promise<AuditState> {
  const stored = await trust.seenLogs.audit<Parameters<typeof stateOf>[0]>(now.origin, {});
  const first = firstState(options.archives);
  if (stored === undefined) return first;
  const state = stateOf(stored);
  if (state === undefined) {
    checks.push(warning("earlier audit", "what was kept of it is damaged: everything is read again"));
    return first;
  }
  const { size } = state.frontier;
  if (size > now.size || (options.archives && !state.withArchives)) return first;
  if (await continues(client, { size, root: rootOfFrontier(state.frontier) }, now)) return state;
  checks.push(warning("earlier audit", `its ${size} leaves are not the first of this log: everything is read again`));
  return first;
}

function checkRoot(frontier: Frontier, { size, root }: Checkpoint): Check {
  if (frontier.size === size && rootOfFrontier(frontier).equals(root)) {
    return ok("root", `computed from ${size} leaves: ${root.toString("hex")}`);
  }
  const computed = `${frontier.size} leaves have the root ${rootOfFrontier(frontier).toString("hex")}`;
  return failed("root", "root_differs", `${computed}, the checkpoint says ${size} and ${root.toString("hex")}`);
}

function checkSignatures({ history }: AuditState, problems: readonly LeafProblem[]): Check {
  const name = "signatures";
  const { size } = history.versions;
  const wrong = problems.filter(({ code }) => code === "signature_invalid").length;
  if (wrong > 0) return failed(name, "signature_invalid", `${wrong} of ${size} versions have one that does not hold`);
  const unread = history.archivesUnread;
  if (unread === 0) return ok(name, `those of ${size} versions`);
  const detail = `${unread} of ${size} versions have one over the archive itself (ed25519-archive): give --archives`;
  return unchecked(name, detail);
}

function checkArchives({ options, problems, withheld }: Going): Check {
  if (!options.archives) return unchecked("archives", "give --archives to read them");
  const wrong = problems.filter(({ code }) => code.startsWith("archive_"));
  const [first] = wrong;
  if (first !== undefined) return failed("archives", first.code, `${wrong.length} are missing or differ`);
  const [held] = withheld.toSorted((a, b) => a.index - b.index);
  if (held === undefined) return ok("archives", "every one has the digest that was logged");
  const detail = `the registry holds back ${withheld.length} (403, as in quarantine), the first of them ${held.detail}; all others have the digest that was logged`;
  return warning("archives", detail);
}
