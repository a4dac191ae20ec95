import { expect, test } from "bun:test";
import fc from "fast-check";
import type { DbSession } from "../../src/db/database.ts";
import { Failure, type RateLimit } from "../../src/errors.ts";
import { type Decision, decide, precheck, unlockedReads } from "../../src/publish/decide.ts";
import { askFacts } from "../../src/publish/facts.ts";
import type { PendingPublication } from "../../src/publish/insert-versions.ts";
import { type RecordOutcome, recordBatch, recordOne } from "../../src/publish/record.ts";
import {
  anyState,
  makeScene,
  NEW_NAMES_PER_HOUR,
  STATE,
  type State,
  VERSIONS_PER_HOUR,
} from "../support/publish-scene.ts";
import { onBothDatabases, type TestRegistry } from "../support/registry.ts";

const LONG = process.env.TEST_LONG === "1";
const RUNS = LONG ? 3_000 : 30;
const LIMIT_MS = LONG ? 900_000 : 60_000;

/**
 * What becomes of a publication: accepted with what is left of the quota, unchanged, or the code of
 * a failure.
 */
type Verdict = string;

function accepted(limits: readonly RateLimit[]): Verdict {
  return `accepted, left: ${limits.map(({ policy, remaining }) => `${policy} ${remaining}`).join(", ")}`;
}

async function verdictOf(deciding: Promise<Decision | RecordOutcome>): Promise<Verdict> {
  try {
    const decided = await deciding;
    return decided.outcome === "unchanged" ? "unchanged" : accepted(decided.limits);
  } catch (cause) {
    if (cause instanceof Failure) return cause.error.code;
    throw cause;
  }
}

/** Runs `work` in a transaction that is rolled back. */
async function rolledBack<T>({ deps: { db } }: TestRegistry, work: (session: DbSession) => Promise<T>): Promise<T> {
  const done = Promise.withResolvers<T>();
  const end = new Error("rolled back by the test");
  const writing = db.write(async (session) => {
    done.resolve(await work(session));
    throw end;
  });
  const [ended] = await Promise.allSettled([writing]);
  if (ended.status === "rejected" && ended.reason !== end) throw ended.reason;
  return done.promise;
}

/** The verdict of the rules alone, as if there were no fast path. */
function verdictOfRules({ deps }: TestRegistry, pending: PendingPublication): Promise<Verdict> {
  return deps.db.read(async (session) => {
    const [facts] = await askFacts(session, deps, [pending], "read");
    if (facts === undefined) throw new Error("No facts");
    const withoutFastPath = { ...facts, isOnFastPath: false };
    return verdictOf(decide(session, deps, pending, withoutFastPath, unlockedReads(session, pending)));
  });
}

interface BatchVerdict {
  readonly verdict: Verdict;
  readonly inBatch: boolean;
}

/**
 * The verdicts of a batch of many, whose skipped members then go alone, as the batcher's callers
 * do.
 */
function verdictsOfBatch(registry: TestRegistry, batch: readonly PendingPublication[]): Promise<BatchVerdict[]> {
  return rolledBack(registry, async (session) => {
    const verdicts: BatchVerdict[] = [];
    for (const [at, one] of (await recordBatch(session, registry.deps, batch)).entries()) {
      const pending = batch[at];
      if (pending === undefined) throw new Error("More outcomes than members");
      const verdict =
        one === undefined ? await verdictOf(recordOne(session, registry.deps, pending)) : accepted(one.limits);
      verdicts.push({ verdict, inBatch: one !== undefined });
    }
    return verdicts;
  });
}

async function expectOneVerdict(registry: TestRegistry, states: readonly State[]): Promise<Verdict[]> {
  const batch: PendingPublication[] = [];
  for (const state of states) batch.push(await makeScene(registry, state));
  const rules: Verdict[] = [];
  const prechecks: Verdict[] = [];
  const alone: Verdict[] = [];
  const onFastPath: boolean[] = [];
  for (const [at, pending] of batch.entries()) {
    rules.push(await verdictOfRules(registry, pending));
    const prechecking = precheck(registry.deps, pending);
    prechecks.push(await verdictOf(prechecking));
    const decision = await prechecking.catch(() => undefined);
    onFastPath.push(decision?.outcome === "accepted" && decision.isOnFastPath && states[at]?.lists === "listed");
    alone.push(await verdictOf(rolledBack(registry, (session) => recordOne(session, registry.deps, pending))));
  }
  const many = await verdictsOfBatch(registry, batch);
  expect({ prechecks, alone, many: many.map(({ verdict }) => verdict) }).toEqual({
    prechecks: rules,
    alone: rules,
    many: rules,
  });
  expect(many.map(({ inBatch }) => inBatch)).toEqual(onFastPath);
  return rules;
}

const FAST = Object.fromEntries(Object.entries(STATE).map(([field, [first]]) => [field, first])) as State;

onBothDatabases(
  "whether a version may be published",
  (registry) => {
    test(
      "gets the same verdict from the rules, the precheck, a batch of one and a batch of many, in random states",
      async () => {
        const several = fc.array(anyState, { minLength: 1, maxLength: 3 });
        const property = fc.asyncProperty(several, async (states) => {
          await expectOneVerdict(registry(), states);
        });
        await fc.assert(property, { numRuns: RUNS });
      },
      LIMIT_MS,
    );

    test(
      "gets the same verdict everywhere when one thing differs from a publish on the fast path",
      async () => {
        const verdicts = new Set<Verdict>();
        for (const [field, values] of Object.entries(STATE)) {
          for (const value of values) {
            // A scope or a pattern matters with a token only, and a full package with a long
            // manifest only.
            const token = field === "scope" || field === "pattern" ? { credential: "token" as const } : {};
            const manifest = field === "manifests" ? { manifest: "long" as const } : {};
            const names = field === "namesUsed" || field === "lookalike" ? { package: "absent" as const } : {};
            const state = { ...FAST, ...token, ...manifest, ...names, [field]: value };
            for (const verdict of await expectOneVerdict(registry(), [FAST, state])) verdicts.add(verdict);
          }
        }
        expect([...verdicts].filter((verdict) => !verdict.startsWith("accepted")).sort()).toEqual([
          "account_disabled",
          "insufficient_scope",
          "key_not_trusted",
          "name_taken",
          "name_too_similar",
          "not_an_owner",
          "package_archived",
          "package_full",
          "publish_limit_reached",
          "quarantined",
          "unauthenticated",
          "unchanged",
          "version_exists",
        ]);
      },
      LIMIT_MS,
    );
  },
  {
    env: {
      PUBLISH_NEW_NAMES_PER_HOUR: String(NEW_NAMES_PER_HOUR),
      PUBLISH_VERSIONS_PER_HOUR: String(VERSIONS_PER_HOUR),
    },
  },
);
