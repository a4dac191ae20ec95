/**
 * A password's hash costs 30 ms of a core, and a whole run asks for some thousands. So they cost next to nothing, in the
 * test process only, but for tests that are about the cost and such whose accounts come from other processes: those say
 * `hashAtFullCost()`.
 */
const { hash, verify } = Bun.password;
const LEAST = { memoryCost: 8, timeCost: 1 };

/** From now on hashes have the least cost that argon2id allows; their texts say so. */
export function hashCheaply(): void {
  Bun.password.hash = (password, algorithm) =>
    hash(password, typeof algorithm === "object" ? { ...algorithm, ...LEAST } : algorithm);
  // None at full cost was made here: it is the one that stands for accounts that are not there, and no password fits it.
  Bun.password.verify = async (password, known, algorithm) =>
    String(known).includes(`m=${LEAST.memoryCost},`) && verify(password, known, algorithm);
}

/** From now on hashes cost what the registry asks for. */
export function hashAtFullCost(): void {
  Object.assign(Bun.password, { hash, verify });
}
