import { isLoopback } from "../config/host.ts";
import type { KeyView } from "../keys/key-view.ts";
import { registrationStatement } from "../signing/key-statements.ts";
import type { Session } from "./account.ts";
import { clientFault } from "./client-fault.ts";
import type { Signer } from "./signer.ts";

interface KeyChallenge {
  readonly nonce: string;
  readonly statement: string;
}

/** Lists the signing keys of the account, retired ones too. */
export async function accountKeys({ client }: Session): Promise<readonly KeyView[]> {
  return (await client.get<{ readonly items: readonly KeyView[] }>("/api/auth/keys")).items;
}

/**
 * Registers a key to the account, unless it is there already. Returns whether it was new. The
 * statement is signed only if it says exactly what is meant: this account, this key, this registry.
 */
export async function registerKey(session: Session, signer: Signer, label: string): Promise<boolean> {
  const known = (await accountKeys(session)).find(({ publicKey }) => publicKey === signer.publicKey);
  if (known !== undefined && known.retiredAt === null) return false;
  const { client, account } = session;
  const { publicKey } = signer;
  const challenge = await client.send<KeyChallenge>("POST", "/api/auth/keys/challenge", { publicKey });
  const { nonce, statement } = challenge;
  const registry = /^registry: (.*)$/m.exec(statement)?.[1] ?? "";
  requireSameRegistry(registry, client.address.origin);
  if (statement !== registrationStatement({ registry, username: account.username, publicKey, nonce })) {
    const detail = "The registry asks to sign something else than the registration of this key. Nothing was signed.";
    throw clientFault("failed", "client_statement_differs", `${detail}\nAsk the registry's operator.`);
  }
  await client.send("POST", "/api/auth/keys", { publicKey, nonce, signature: await signer.sign(statement), label });
  return true;
}

/** Behind a wrong address, a registry could pass on the challenge of another one. */
function requireSameRegistry(registry: string, origin: string): void {
  if (registry === origin || (isOnThisMachine(registry) && isOnThisMachine(origin))) return;
  const detail = `The registry at ${origin} calls itself ${registry}, and a key is registered for one registry. Nothing was signed.\nUse --registry ${registry}, or ask the operator about PUBLIC_URL.`;
  throw clientFault("failed", "client_statement_differs", detail);
}

function isOnThisMachine(origin: string): boolean {
  return isLoopback(URL.parse(origin)?.hostname ?? "");
}

/** Retires a key of the account for good. */
export async function retireKey({ client }: Session, keyId: string): Promise<void> {
  await client.send("DELETE", `/api/auth/keys/${encodeURIComponent(keyId)}`);
}
