import type { ApiClient } from "../client/api-client.ts";
import { ClientFault } from "../client/client-fault.ts";
import {
  checkAgent,
  checked,
  checkFiles,
  checkKeys,
  checkLog,
  checkNetwork,
  checkRegistry,
  checkToken,
  type Finding,
  type OwnKey,
} from "../client/doctor-checks.ts";
import { findSigner } from "../client/signing-keys.ts";
import { storedKeys } from "../client/stored-keys.ts";
import type { Highlights } from "../runtime/print.ts";
import { escapeUnprintable } from "../runtime/printable.ts";
import { systemClock } from "../start/system-clock.ts";
import { apiClient, type ClientContext, type ClientOptions, clientContext } from "./client-context.ts";
import { trustOfClient } from "./client-trust.ts";
import { keySources } from "./signer.ts";

const MARKS = { ok: "ok  ", warn: "warn", fail: "FAIL" } as const;

const MARKED: Highlights = [
  [/^ok/gm, "green"],
  [/^warn/gm, "yellow"],
  [/^FAIL/gm, "red"],
];

/** Checks everything that a command of the client needs. Returns 1 if something is broken. */
export async function doctor(given: Partial<ClientOptions>): Promise<number> {
  // Whoever asks what is wrong is not asked for a passphrase.
  const context = clientContext({ ...given, yes: true });
  const findings: Finding[] = [];
  for await (const found of all(context)) {
    findings.push(...found);
    if (!context.options.json) context.answer(undefined, found.map(lineOf).join("\n"), MARKED);
  }
  const broken = findings.filter(({ result }) => result === "fail");
  const detail = broken.map((finding) => finding.detail).join("; ");
  const error = broken.length === 0 ? {} : { error: { code: "client_unwell", detail } };
  if (context.options.json) context.answer({ ok: broken.length === 0, checks: findings, ...error }, "");
  return broken.length === 0 ? 0 : 1;
}

async function* all(context: ClientContext): AsyncGenerator<Finding[]> {
  const { home, settings } = context;
  const keys = await storedKeys(home.keysDirectory).catch(() => []);
  yield await checked("files", `Correct or remove ${home.configPath}`, () => checkFiles(home, keys));
  yield await checked("agent", "eval $(ssh-agent)", () => checkAgent(settings));
  let client: ApiClient | undefined;
  const change = changeRegistry(context);
  const found = await checked("registry", change ?? "cpm-registry login <url>", async () => {
    client = await apiClient(context);
    return [];
  });
  if (client === undefined) yield found;
  else yield* ofRegistry(context, client, keys);
}

async function* ofRegistry(
  context: ClientContext,
  client: ApiClient,
  keys: readonly OwnKey[],
): AsyncGenerator<Finding[]> {
  const { settings, credentials } = context;
  const change = changeRegistry(context) ?? "cpm-registry config set registry <url>";
  yield await checked("network", change, () => checkNetwork(client, settings));
  const reached = await checked("registry", change, () => checkRegistry(client, systemClock));
  yield reached;
  if (reached.every(({ check, result }) => check === "registry" && result === "fail")) return;
  yield await checked("log", "cpm-registry log audit", () => checkLog(client, trustOfClient(context, client)));
  const stored = await credentials.of(client.address.origin).catch(() => undefined);
  const isGiven = settings.token !== undefined;
  let username: string | undefined;
  const login = (name: string) => {
    username = name;
  };
  const renew = isGiven ? "set a new CPM_API_TOKEN, or unset it and: cpm-registry login" : "cpm-registry login";
  yield await checked("token", renew, () => checkToken(client, { stored, isGiven }, systemClock(), login));
  const owner = username;
  if (owner === undefined) return;
  const mend = "set CPM_SIGNING_KEY to a key in PEM or hex, or unset it";
  if (settings.signingKey === undefined)
    yield await checked("keys", "cpm-registry key list", () => checkKeys(client, owner, keys));
  else yield await checked("keys", mend, () => checkSettingKey(context, client, owner));
}

/** CPM_SIGNING_KEY is used in place of the stored keys. */
async function checkSettingKey(context: ClientContext, client: ApiClient, owner: string): Promise<Finding[]> {
  try {
    const signer = await findSigner(keySources(context), undefined);
    return await checkKeys(client, owner, signer === undefined ? [] : [signer]);
  } catch (cause) {
    if (!(cause instanceof ClientFault) || cause.problem.code !== "client_question") throw cause;
    const detail = "CPM_SIGNING_KEY has a passphrase, so it was not checked";
    return [{ check: "keys", result: "warn", detail, fix: "set CPM_SIGNING_KEY_PASSPHRASE" }];
  }
}

/** What overrides the configuration has to be changed itself. */
function changeRegistry({ options, settings }: ClientContext): string | undefined {
  if (options.registry !== undefined) return "cpm-registry doctor --registry <url>";
  return settings.registry === undefined ? undefined : "unset CPM_REGISTRY, or set it to the registry's address";
}

function lineOf({ check, result, detail, fix }: Finding): string {
  const line = `${MARKS[result]}  ${check.padEnd(8)}  ${escapeUnprintable(detail)}`;
  return fix === undefined ? line : `${line}\n      mend it: ${escapeUnprintable(fix)}`;
}
