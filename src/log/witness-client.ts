import { eq } from "drizzle-orm";
import type { WitnessAddress } from "../config/witnesses.ts";
import type { Database } from "../db/database.ts";
import type { Logger } from "../runtime/logger.ts";
import { type OutsideResponse, requestOutside } from "../runtime/outside-request.ts";
import { consistencyProof, type Hash } from "../tlog/merkle.ts";
import { parseNote, type VerifierKey, verifyNote } from "../tlog/note.ts";
import { formatSubmission, type Submission } from "../tlog/submission.ts";
import { type LogStateRow, lockState, nodeReader } from "./log-rows.ts";

/**
 * How long a witness may take. Afterwards the checkpoint stays without its cosignature, until the
 * next one.
 */
const REQUEST_MAX_MS = 3_000;
const RESPONSE_MAX_BYTES = 16 * 1024;

interface WitnessClientDeps {
  readonly db: Database;
  readonly logger: Logger;
}

/**
 * Asks witnesses for cosignatures (c2sp.org/tlog-witness) and adds them to the checkpoint that is
 * served.
 */
export class WitnessClient {
  readonly #deps: WitnessClientDeps;
  readonly #witnesses: readonly WitnessAddress[];
  /**
   * The size that each witness cosigned last, as far as this process knows. If it is wrong, the
   * witness answers 409 with the right one.
   */
  readonly #sizes = new Map<string, number>();
  /** When each witness cosigned last; until it does, the start of this process. */
  readonly #cosignedMs: Map<string, number>;

  constructor(deps: WitnessClientDeps, witnesses: readonly WitnessAddress[]) {
    this.#deps = deps;
    this.#witnesses = witnesses;
    this.#cosignedMs = new Map(witnesses.map(({ key }) => [key.name, performance.now()]));
  }

  /** How many seconds ago each witness cosigned a checkpoint for this process, by its name. */
  get ages(): ReadonlyMap<string, number> {
    const nowMs = performance.now();
    return new Map([...this.#cosignedMs].map(([name, atMs]) => [name, (nowMs - atMs) / 1000]));
  }

  /**
   * Asks all witnesses concurrently. Does not throw for a witness that fails to cosign, but logs
   * it.
   */
  async collectCosignatures(state: LogStateRow): Promise<void> {
    const missing = this.#witnesses.filter(({ key }) => !isSignedBy(state.checkpoint, key));
    const lines = await Promise.all(missing.map((witness) => this.#requestCosignature(witness, state)));
    const received = lines.filter((line) => line !== undefined);
    if (received.length > 0) await addCosignatures(this.#deps.db, state, received);
  }

  /**
   * Returns the largest size that a witness cosigned of this log, or 0 if none did or answers. A
   * witness that never saw the log cosigns this checkpoint, which is what it would do next anyway.
   *
   * It tells only whether a witness saw a larger log. A witness that saw another log of this size
   * or below refuses to cosign the next checkpoint, and then says so to whoever requires it.
   */
  async largestSize(state: LogStateRow): Promise<number> {
    const sizes = await Promise.all(this.#witnesses.map((witness) => this.#sizeAt(witness, state)));
    return Math.max(0, ...sizes);
  }

  async #sizeAt(witness: WitnessAddress, { checkpoint }: LogStateRow): Promise<number> {
    try {
      const deadlineMs = performance.now() + REQUEST_MAX_MS;
      const response = await submit(witness, { oldSize: 0, proof: [], checkpoint }, deadlineMs);
      return response.status === 409 ? sizeIn(Buffer.from(response.body).toString("utf8")) : 0;
    } catch {
      this.#deps.logger.warn("witness_failing", { witness: witness.key.name, status: 0 });
      return 0;
    }
  }

  async #requestCosignature(witness: WitnessAddress, state: LogStateRow): Promise<string | undefined> {
    const { name } = witness.key;
    const deadlineMs = performance.now() + REQUEST_MAX_MS;
    try {
      for (let tries = 1; tries <= 2; tries += 1) {
        const response = await this.#submit(witness, state, deadlineMs);
        const text = Buffer.from(response.body).toString("utf8");
        if (response.status === 409 && tries === 1) {
          this.#sizes.set(name, sizeIn(text));
          continue;
        }
        if (response.status !== 200) throw new WitnessRefused(response.status);
        const line = cosignatureIn(text, state.checkpoint, witness.key);
        if (line === undefined) throw new WitnessRefused(200);
        this.#sizes.set(name, state.size);
        this.#cosignedMs.set(name, performance.now());
        return line;
      }
    } catch (cause) {
      const status = cause instanceof WitnessRefused ? cause.status : 0;
      this.#deps.logger.warn("witness_failing", { witness: name, status });
    }
    return undefined;
  }

  async #submit(witness: WitnessAddress, { size, checkpoint }: LogStateRow, deadlineMs: number) {
    const oldSize = this.#sizes.get(witness.key.name) ?? 0;
    const proof = oldSize > size ? [] : await this.#proofFrom(oldSize, size);
    return submit(witness, { oldSize: Math.min(oldSize, size), proof, checkpoint }, deadlineMs);
  }

  #proofFrom(from: number, to: number): Promise<Hash[]> {
    return this.#deps.db.read((session) => consistencyProof(from, to, nodeReader(session, to)));
  }
}

/**
 * A witness did not cosign. Status 200 means that its response holds no cosignature of this
 * checkpoint.
 */
class WitnessRefused extends Error {
  constructor(readonly status: number) {
    super("A witness did not cosign");
  }
}

function submit({ url }: WitnessAddress, submission: Submission, deadlineMs: number): Promise<OutsideResponse> {
  return requestOutside(`${url}/add-checkpoint`, {
    method: "POST",
    body: formatSubmission(submission),
    maxMs: Math.max(1, deadlineMs - performance.now()),
    maxBytes: RESPONSE_MAX_BYTES,
  });
}

/** Returns the size in a witness's answer 409, or 0 if it has none. */
function sizeIn(text: string): number {
  return Number(/^\d{1,15}\n$/.exec(text)?.[0] ?? 0);
}

function isSignedBy(note: string, key: VerifierKey): boolean {
  return verifyNote(note, [key]) !== undefined;
}

/**
 * Returns the line of a response that is the witness's cosignature. Everything else in the response
 * is ignored.
 */
function cosignatureIn(response: string, checkpoint: string, key: VerifierKey): string | undefined {
  const { text = "" } = parseNote(checkpoint) ?? {};
  return response
    .split("\n")
    .map((line) => `${line}\n`)
    .find((line) => line.startsWith(`— ${key.name} `) && isSignedBy(`${text}\n${line}`, key));
}

/** Adds cosignatures to the stored checkpoint if it is still the newest one. */
async function addCosignatures(db: Database, cosigned: LogStateRow, lines: readonly string[]): Promise<void> {
  await db.write(async (session) => {
    const { logState } = session.tables;
    const { size, root, checkpoint } = await lockState(session);
    if (size !== cosigned.size || root !== cosigned.root) return;
    const added = lines.filter((line) => !checkpoint.includes(line));
    await session.query
      .update(logState)
      .set({ checkpoint: checkpoint + added.join("") })
      .where(eq(logState.id, 1));
  });
}
