import { ApiClient } from "../client/api-client.ts";
import { Credentials } from "../client/credentials.ts";
import { Home } from "../client/home.ts";
import { type Prompt, terminalPrompt } from "../client/prompt.ts";
import { type RegistryAddress, registryAddress } from "../client/registry-address.ts";
import { type ClientSettings, readClientSettings } from "../config/client-settings.ts";
import { type Highlights, print, printJson } from "../runtime/print.ts";
import { escapeUnprintable } from "../runtime/printable.ts";
import type { OptionValues } from "./command.ts";
import type { CLIENT_OPTIONS } from "./shared-options.ts";
import { tableText } from "./table.ts";
import { UsageError } from "./usage.ts";

/** The options that every client command gets. */
export type ClientOptions = OptionValues<typeof CLIENT_OPTIONS>;

/** What a client command works with: the user's files and settings, and who can be asked. */
export interface ClientContext {
  readonly options: ClientOptions;
  readonly settings: ClientSettings;
  readonly home: Home;
  readonly credentials: Credentials;
  readonly prompt: Prompt;
  /** Prints the answer: the document with `--json`, the text otherwise. */
  answer(document: unknown, text: string, highlights?: Highlights): void;
}

const NO_OPTIONS: ClientOptions = {
  registry: undefined,
  json: false,
  yes: false,
  cafile: undefined,
  "insecure-http": false,
  timeout: "30",
  color: undefined,
};

/** Makes the context of a client command. */
export function clientContext(given: Partial<ClientOptions>): ClientContext {
  const options = { ...NO_OPTIONS, ...given };
  const settings = readClientSettings();
  const home = new Home(settings.home);
  const { json, yes } = options;
  return {
    options,
    settings,
    home,
    credentials: new Credentials(home.credentialsPath),
    prompt: terminalPrompt({ json, yes, isContinuousIntegration: settings.isContinuousIntegration }),
    answer(document, text, highlights) {
      if (json) printJson(document);
      else if (text !== "") print(text, highlights);
    },
  };
}

/** Finds the registry that the command means. `given` is an argument that names it. */
export async function addressOf(context: ClientContext, given?: string): Promise<RegistryAddress> {
  const { options, settings, home } = context;
  const { registry, cafile, "insecure-http": insecureHttp } = options;
  if (given !== undefined && registry !== undefined && given !== registry) {
    throw new UsageError("Name the registry once: as the argument or with --registry.");
  }
  return registryAddress({ registry: given ?? registry, cafile, insecureHttp }, settings, await home.config());
}

/**
 * Returns a client of the registry with the user's token: `CPM_API_TOKEN`, or what `login` kept.
 * The token is undefined where there is none, and reads of a public registry need none.
 */
export async function apiClient(context: ClientContext, given?: string): Promise<ApiClient> {
  const address = await addressOf(context, given);
  return apiClientOf(context, address, await tokenOf(context, address));
}

/** Returns the user's token for a registry. */
export async function tokenOf({ settings, credentials }: ClientContext, { origin }: RegistryAddress) {
  return settings.token?.reveal() ?? (await credentials.tokenOf(origin));
}

/** Returns a client of a registry with this token or session. */
export function apiClientOf({ prompt, options }: ClientContext, address: RegistryAddress, token: string | undefined) {
  return new ApiClient({ address, token, note: (text) => prompt.note(text), answerMaxMs: timeoutMs(options.timeout) });
}

function timeoutMs(text: string): number {
  const seconds = Number(text);
  if (/^\d+$/.test(text) && seconds >= 1 && seconds <= 3_600) return seconds * 1_000;
  throw new UsageError("--timeout must be a whole number of seconds, 1 to 3600.");
}

/**
 * Formats rows under a heading for people on a terminal, and without one and with tabs for
 * programs.
 */
export function rowsText(
  { prompt }: ClientContext,
  heading: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  if (prompt.isTable) return tableText([heading, ...rows]);
  return rows.map((row) => row.map(escapeUnprintable).join("\t")).join("\n");
}
