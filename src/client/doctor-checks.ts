import { lookup } from "node:dns/promises";
import { stat } from "node:fs/promises";
import type { ClientSettings } from "../config/client-settings.ts";
import { VERSION } from "../runtime/version.ts";
import { checkCheckpoint } from "../verify/checkpoint-checks.ts";
import type { Trust } from "../verify/trust.ts";
import { ownAccount } from "./account.ts";
import type { ApiClient } from "./api-client.ts";
import { ClientFault } from "./client-fault.ts";
import type { StoredLogin } from "./credentials.ts";
import type { Home } from "./home.ts";
import { ownPackages } from "./own-packages.ts";
import { packageKeys } from "./package-keys.ts";
import { agentKeyNames } from "./ssh-agent.ts";
import type { StoredKey } from "./stored-keys.ts";

/** What `doctor` found of one thing. */
export interface Finding {
  readonly check: string;
  readonly result: "ok" | "warn" | "fail";
  readonly detail: string;
  /** The command that mends it. */
  readonly fix?: string;
}

const OTHERS = 0o077;
const CLOCK_WARN_MS = 60_000;
/** Statements of key changes may differ from the registry's clock by this much. */
const CLOCK_FAIL_MS = 10 * 60_000;
const EXPIRY_WARN_MS = 14 * 24 * 60 * 60_000;

const ok = (check: string, detail: string): Finding => ({ check, result: "ok", detail });
const warn = (check: string, detail: string, fix?: string): Finding => finding(check, "warn", detail, fix);
const fail = (check: string, detail: string, fix?: string): Finding => finding(check, "fail", detail, fix);

function finding(check: string, result: Finding["result"], detail: string, fix: string | undefined): Finding {
  return { check, result, detail, ...(fix === undefined ? {} : { fix }) };
}

/** Turns the failure of a check into its finding, so that the others still run. */
export async function checked(check: string, fix: string, work: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    const [what = "", next] = cause.message.split("\n");
    const isCommand = cause instanceof ClientFault && next !== undefined && /cpm-registry [a-z]/.test(next);
    return [fail(check, what, isCommand ? next : fix)];
  }
}

/** Checks the configuration, and that nobody else can read what is secret. */
export async function checkFiles(home: Home, keys: readonly StoredKey[]): Promise<Finding[]> {
  await home.config();
  const secrets = [home.credentialsPath, ...keys.map(({ path }) => path)];
  const exposed: Finding[] = [];
  for (const path of secrets) {
    const found = await stat(path).catch(() => undefined);
    if (found === undefined || process.platform === "win32" || (found.mode & OTHERS) === 0) continue;
    exposed.push(fail("files", `${path} can be read by others`, `chmod 600 ${path}`));
  }
  return exposed.length > 0
    ? exposed
    : [ok("files", `${home.directory}: the configuration is valid, secrets are private`)];
}

/** Checks that the name of the registry has an address, and through which proxy it is asked. */
export async function checkNetwork(
  { address }: ApiClient,
  { proxy }: Pick<ClientSettings, "proxy">,
): Promise<Finding[]> {
  if (proxy !== undefined)
    return [ok("network", `requests go through the proxy of HTTPS_PROXY, ${URL.parse(proxy)?.host ?? "?"}`)];
  const { hostname } = new URL(address.url);
  const found = await lookup(hostname.replace(/^\[|\]$/g, ""));
  return [ok("network", `${hostname} is ${found.address}; no proxy`)];
}

/** Checks that a registry answers, and compares versions and clocks. */
export async function checkRegistry(client: ApiClient, now: () => Date): Promise<Finding[]> {
  const { body, headers } = await client.request<{ readonly version?: unknown }>({ path: "/health", accepts: [503] });
  const { version } = Object(body) as { readonly version?: unknown };
  const answers = ok(
    "registry",
    `${client.address.url} answers, version ${String(version)}; this program is ${VERSION}`,
  );
  return [answers, checkClock(headers.get("date"), now())];
}

function checkClock(date: string | null, now: Date): Finding {
  const there = Date.parse(date ?? "");
  if (Number.isNaN(there)) return warn("clock", "the registry does not say what time it is");
  const differsMs = Math.abs(there - now.getTime());
  const detail = `your clock differs from the registry's by ${Math.round(differsMs / 1_000)} s`;
  if (differsMs > CLOCK_FAIL_MS) return fail("clock", detail, "timedatectl set-ntp true");
  return differsMs > CLOCK_WARN_MS ? warn("clock", detail, "timedatectl set-ntp true") : ok("clock", detail);
}

/** Checks that the token is good, and for how long. `login` is told whose it is. */
export async function checkToken(
  client: ApiClient,
  { stored, isGiven }: { readonly stored: StoredLogin | undefined; readonly isGiven: boolean },
  now: Date,
  login: (username: string) => void,
): Promise<Finding[]> {
  if (!client.hasToken) return [warn("token", `you are not logged in at ${client.address.url}`, "cpm-registry login")];
  const { username } = await ownAccount(client);
  login(username);
  const from = isGiven ? "CPM_API_TOKEN" : stored?.keychain === true ? "login, in the keychain" : "login";
  const { expiresAt } = isGiven ? { expiresAt: undefined } : (stored ?? {});
  const detail = `you are ${username} (token of ${from})`;
  if (expiresAt === undefined) return [ok("token", detail)];
  const until = `${detail}, until ${expiresAt.slice(0, 10)}`;
  const isSoon = Date.parse(expiresAt) - now.getTime() < EXPIRY_WARN_MS;
  return [isSoon ? warn("token", until, "cpm-registry login") : ok("token", until)];
}

/** A key that commands sign with. */
export type OwnKey = Pick<StoredKey, "name" | "publicKey">;

/** How many packages `doctor` asks for their keys, which takes one request each. */
const PACKAGES_MAX = 20;

/** Checks that the keys that commands sign with may sign the packages of the account. */
export async function checkKeys(client: ApiClient, username: string, keys: readonly OwnKey[]): Promise<Finding[]> {
  if (keys.length === 0) return [warn("keys", "there is no signing key here", "cpm-registry key generate")];
  const { items, nextCursor = null } = await ownPackages(client, PACKAGES_MAX);
  const findings: Finding[] = [];
  const names = keys.map((key) => key.name).join(", ");
  for (const { name } of items) {
    const pinned = (await packageKeys(client, name)).keys.filter(({ status }) => status === "active");
    const own = keys.filter(({ publicKey }) => pinned.some((each) => each.publicKey === publicKey));
    if (own.length > 0)
      findings.push(
        ok("keys", `${own.length === 1 ? "key" : "keys"} ${own.map((key) => key.name).join(", ")} may sign ${name}`),
      );
    else findings.push(warn("keys", `${names} may not sign ${name}`, `cpm-registry key request --package ${name}`));
  }
  if (nextCursor !== null) findings.push(ok("keys", `${username} owns more packages, which were not checked`));
  if (findings.length > 0) return findings;
  return [ok("keys", `${names}; ${username} owns no package yet`)];
}

/** Checks that an ssh-agent, if there is one, answers. */
export async function checkAgent({ sshAgentSocket }: ClientSettings): Promise<Finding[]> {
  if (sshAgentSocket === undefined)
    return [ok("agent", "no ssh-agent (SSH_AUTH_SOCK is not set); --key agent: needs one")];
  const names = await agentKeyNames(sshAgentSocket);
  const keys = names.length === 0 ? "no Ed25519 key" : names.join(", ");
  return [ok("agent", `the ssh-agent has ${keys}`)];
}

/** Checks that the log continues what this user saw of it. */
export async function checkLog(client: ApiClient, trust: Trust): Promise<Finding[]> {
  const { checks, saveSeen } = await checkCheckpoint(await client.text("/log/checkpoint"), trust);
  const failed = checks.filter(({ result }) => result === "failed");
  await saveSeen();
  const advice = `cpm-registry log audit --registry ${client.address.url}`;
  if (failed.length > 0)
    return failed.map(({ check, code, detail }) => fail("log", `${check}: ${code}: ${detail}`, advice));
  const shown = checks.find(({ check, result }) => check === "consistency" && result === "ok") ?? checks[0];
  return [ok("log", shown?.detail ?? "")];
}
