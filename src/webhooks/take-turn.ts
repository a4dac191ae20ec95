import type { Deps } from "../deps.ts";
import type { PackageEventView } from "../events/read-events.ts";
import { eventsFor } from "./events-for.ts";
import { isSlow } from "./lanes.ts";
import { eventMessage } from "./message.ts";
import { type SendDeps, sendMessage } from "./send-message.ts";
import { claim, passTo, recordAttempt, release, type Turn } from "./turns.ts";

/** After this time other webhooks may run, and this one goes to the end of the line. */
const TURN_MAX_MS = 20_000;

/** What delivering needs. */
export type DeliverDeps = SendDeps & Pick<Deps, "db" | "logger" | "metrics" | "failpoints">;

/** A turn that has begun. */
interface Running {
  readonly turn: Turn;
  readonly endMs: number;
  readonly stop: AbortSignal;
  /** How long the last attempt took. */
  lastMs: number;
}

/**
 * Takes one turn of a webhook: sends its next events in their order, until there are none, one
 * fails or takes long, or the turn has lasted long enough. Does nothing if another process has the
 * turn. Returns how long the last attempt took, in milliseconds. Throws the reason of `stop` once that
 * is aborted, and what the database throws.
 */
export async function takeTurn(deps: DeliverDeps, holder: string, id: string, stop: AbortSignal): Promise<number> {
  const turn = await claim(deps, holder, id);
  if (turn === undefined) return 0;
  const running: Running = { turn, endMs: performance.now() + TURN_MAX_MS, stop, lastMs: 0 };
  try {
    await deliverAll(deps, running);
  } finally {
    await release(deps, turn);
  }
  return running.lastMs;
}

async function deliverAll(deps: DeliverDeps, running: Running): Promise<void> {
  const { turn, endMs } = running;
  let { lastEventId, failures } = turn.webhook;
  for (;;) {
    const after = lastEventId;
    const next = await deps.db.read((session) => eventsFor(session, deps.db.kind, turn.webhook, after));
    if (next === undefined) return;
    for (const event of next.events) {
      if (!(await deliver(deps, running, event, failures))) return;
      lastEventId = event.id;
      failures = 0;
      if (isSlow(running.lastMs) || performance.now() > endMs) return;
    }
    if (next.endId !== lastEventId && !(await passTo(deps, turn, next.endId))) return;
    if (!next.hasMore || performance.now() > endMs) return;
    lastEventId = next.endId;
  }
}

/** Sends one event. Returns whether the turn goes on. */
async function deliver(
  deps: DeliverDeps,
  running: Running,
  event: PackageEventView,
  failures: number,
): Promise<boolean> {
  const { turn, stop } = running;
  const { webhook } = turn;
  const attempt = await sendMessage(deps, webhook, eventMessage(event), stop);
  running.lastMs = attempt.durationMs;
  deps.failpoints.hit("webhook.sent");
  deps.metrics.webhookDeliveries.inc({ outcome: attempt.outcome });
  const attempted = { eventId: event.id, kind: event.kind, failures, attempt, random: Math.random() };
  const { goesOn, isDisabled } = await recordAttempt(deps, turn, attempted);
  if (isDisabled) deps.logger.warn("webhook_disabled", { webhook: webhook.id });
  return goesOn;
}
