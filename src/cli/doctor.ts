import type { ApiClient } from "../client/api-client.ts";
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
} from "../client/doctor-checks.ts";
import { storedKeys } from "../client/stored-keys.ts";
import { escapeUnprintable } from "../runtime/printable.ts";
import { systemClock } from "../start/system-clock.ts";
import { apiClient, type ClientContext, type ClientOptions, clientContext } from "./client-context.ts";
import { trustOfClient } from "./client-trust.ts";

const MARKS = { ok: "ok  ", warn: "warn", fail: "FAIL" } as const;

/** Checks everything that a command of the client needs. Returns 1 if something is broken. */
export async function doctor(given: Partial<ClientOptions>): Promise<number> {
  const context = clientContext(given);
  const findings: Finding[] = [];
  for await (const found of all(context)) {
    findings.push(...found);
    if (!context.options.json) context.answer(undefined, found.map(lineOf).join("\n"));
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
  const found = await checked("registry", "cpm-registry login <url>", async () => {
    client = await apiClient(context);
    return [];
  });
  if (client === undefined) yield found;
  else yield* ofRegistry(context, client, keys);
}

async function* ofRegistry(
  context: ClientContext,
  client: ApiClient,
  keys: Parameters<typeof checkKeys>[2],
): AsyncGenerator<Finding[]> {
  const { settings, credentials } = context;
  const change = "cpm-registry config set registry <url>";
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
  yield await checked("token", "cpm-registry login", () =>
    checkToken(client, { stored, isGiven }, systemClock(), login),
  );
  const owner = username;
  if (owner !== undefined) yield await checked("keys", "cpm-registry key list", () => checkKeys(client, owner, keys));
}

function lineOf({ check, result, detail, fix }: Finding): string {
  const line = `${MARKS[result]}  ${check.padEnd(8)}  ${escapeUnprintable(detail)}`;
  return fix === undefined ? line : `${line}\n      mend it: ${escapeUnprintable(fix)}`;
}
