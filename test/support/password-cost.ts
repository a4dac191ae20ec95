/**
 * Lowers the cost of password hashes in the test process, because a whole run makes some thousands
 * of them. Tests about the cost call `hashAtFullCost()`, and so do tests whose accounts come from
 * other processes.
 */
const { hash, verify } = Bun.password;
const LEAST = { memoryCost: 8, timeCost: 1 };

/** From now on hashes have the least cost that argon2id allows; their texts record it. */
export function hashCheaply(): void {
  Bun.password.hash = (password, algorithm) =>
    hash(password, typeof algorithm === "object" ? { ...algorithm, ...LEAST } : algorithm);
  // The only hash of full cost that the process does not make: it stands for missing accounts, and
  // no password fits it.
  Bun.password.verify = async (password, known, algorithm) =>
    String(known).includes(`m=${LEAST.memoryCost},`) && verify(password, known, algorithm);
}

/** From now on hashes have the cost that the registry asks for. */
export function hashAtFullCost(): void {
  Object.assign(Bun.password, { hash, verify });
}
