import { Client, PASSWORD } from "../../test/support/client.ts";
import { heading, median, progress, report } from "./measure.ts";
import { type BenchRegistry, buildBinary, startBinary, withDirectory } from "./registry.ts";

const TRIES = 200;
const DIFFERENCE_GOAL_PERCENT = 10;
const WRONG_PASSWORD = `${PASSWORD}?`;
/** Makes the server take the client's address from `X-Forwarded-For`. */
const SETTINGS = { TRUSTED_PROXIES: "127.0.0.1", REGISTRATION: "open" };

/** A client address for each number, so that no limit by address applies. */
function from(client: number): Record<string, string> {
  return { "x-forwarded-for": `10.${client >> 16}.${(client >> 8) & 255}.${client & 255}` };
}

/** Names of the same length, of existing accounts and of missing ones. */
const known = (at: number) => `known-${String(at).padStart(4, "0")}`;
const unknown = (at: number) => `ghost-${String(at).padStart(4, "0")}`;

async function makeAccounts(guest: Client): Promise<void> {
  for (let at = 0; at < TRIES; at += 1) {
    progress(`making account ${at + 1} of ${TRIES}`);
    const username = known(at);
    const form = { username, email: `${username}@example.org`, password: PASSWORD };
    const { status, text } = await guest.post("/api/auth/register", form, from(at));
    if (status !== 201) throw new Error(`Registering answered ${status}: ${text}`);
  }
}

async function loginMs(guest: Client, username: string, client: number): Promise<number> {
  const startedMs = performance.now();
  const { status, text } = await guest.post("/api/auth/login", { username, password: WRONG_PASSWORD }, from(client));
  const ms = performance.now() - startedMs;
  if (status !== 401) throw new Error(`A wrong login answered ${status}: ${text}`);
  return ms;
}

/** Measures both in turns, so that other work on the machine hits both. */
async function measure({ url }: BenchRegistry): Promise<Record<"known" | "unknown", number[]>> {
  const guest = new Client(url);
  await makeAccounts(guest);
  const taken = { known: [] as number[], unknown: [] as number[] };
  for (let at = 0; at < TRIES; at += 1) {
    progress(`try ${at + 1} of ${TRIES}`);
    const clients = TRIES + 2 * at;
    const isKnownFirst = at % 2 === 0;
    if (isKnownFirst) taken.known.push(await loginMs(guest, known(at), clients));
    taken.unknown.push(await loginMs(guest, unknown(at), clients + 1));
    if (!isKnownFirst) taken.known.push(await loginMs(guest, known(at), clients));
  }
  progress();
  return taken;
}

/**
 * Compares the duration of a wrong login for a name with an account and for one without: the time
 * must not tell which names have accounts. Each try has its own name and client address, so that no
 * throttle interferes.
 */
export async function benchLogin(): Promise<void> {
  buildBinary();
  await withDirectory(async (dataDir) => {
    const registry = await startBinary(dataDir, SETTINGS);
    try {
      const taken = await measure(registry);
      const difference = 100 * (median(taken.unknown) / median(taken.known) - 1);
      console.log(heading());
      report("wrong password, known name", taken.known, "ms", "", 2);
      report("wrong password, unknown name", taken.unknown, "ms", "", 2);
      const goal = `within ${DIFFERENCE_GOAL_PERCENT} %`;
      report("unknown beside known, of the medians", [difference], "%", goal, 2);
    } finally {
      await registry.stop();
    }
  });
}
