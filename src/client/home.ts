import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { durationMs } from "../runtime/duration-text.ts";
import { ifThere } from "../runtime/if-there.ts";
import { replaceFile } from "../verify/replace-file.ts";
import { clientFault } from "./client-fault.ts";

/** When there are colours. */
export const COLORS = ["auto", "always", "never"] as const;

/** A registry that the user gave a name. */
export interface NamedRegistry {
  readonly url: string;
  /** The verifier key of its log, from a source that the user trusts. */
  readonly key?: string;
  /** A file with the certificates to trust for it. */
  readonly cafile?: string;
}

/** The file `config`. The Go client reads the same one. */
export interface ClientConfig {
  /** A name of `registries`, or an address. */
  readonly registry?: string;
  readonly registries?: Readonly<Record<string, NamedRegistry>>;
  readonly color?: (typeof COLORS)[number];
  /** How old the versions must be that commands choose, such as `7d`. */
  readonly minimumAge?: string;
  readonly [name: string]: unknown;
}

/** The user's files under `CPM_HOME`. */
export class Home {
  constructor(readonly directory: string) {}

  get configPath(): string {
    return join(this.directory, "config");
  }
  get credentialsPath(): string {
    return join(this.directory, "credentials.json");
  }
  get keysDirectory(): string {
    return join(this.directory, "keys");
  }
  get knownKeysPath(): string {
    return join(this.directory, "known-keys.json");
  }
  /** Where archives lie until they are verified. */
  get partialsDirectory(): string {
    return join(this.directory, "partial");
  }
  get logDirectory(): string {
    return join(this.directory, "log");
  }

  /** Reads the configuration. A missing file is an empty one. */
  async config(): Promise<ClientConfig> {
    const text = await textIfThere(this.configPath);
    if (text === undefined || text.trim() === "") return {};
    const { parse } = await import("yaml");
    try {
      return configOf(parse(text, { maxAliasCount: 0 }));
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message.split("\n", 1)[0] : String(cause);
      throw clientFault("failed", "client_config_malformed", `${this.configPath} cannot be read: ${reason}`);
    }
  }

  /** Changes the configuration, and keeps what other programs have in it. */
  async updateConfig(change: (config: ClientConfig) => ClientConfig): Promise<void> {
    const { stringify } = await import("yaml");
    await replaceFile(this.configPath, [Buffer.from(stringify(change(await this.config())))], 0o644);
  }
}

function configOf(parsed: unknown): ClientConfig {
  if (parsed === null || parsed === undefined) return {};
  if (!isRecord(parsed)) throw new Error("it must be a map, such as registry: https://cpm.example.org");
  const { registry, registries } = parsed;
  if (registry !== undefined && typeof registry !== "string") throw new Error("registry must be a name or an address");
  if (registries !== undefined && !(isRecord(registries) && Object.values(registries).every(isNamedRegistry))) {
    throw new Error("each of registries must have a url");
  }
  const { color = "auto", minimumAge = "0" } = parsed;
  if (!COLORS.some((known) => known === color)) throw new Error(`color must be ${COLORS.join(", ")}`);
  // YAML reads a bare 0 as a number.
  if (ageMs(String(minimumAge)) === undefined) throw new Error(`minimumAge ${AGE_RULE}`);
  return minimumAge === parsed.minimumAge ? { ...parsed, minimumAge: String(minimumAge) } : parsed;
}

/** Reads an age such as `7d`, or `0`, as milliseconds. Undefined for any other text. */
export function ageMs(text: string): number | undefined {
  return text === "0" ? 0 : durationMs(text);
}

/** What an age looks like, for messages. */
export const AGE_RULE = "must be a time such as 7d, 24h or 0";

function isNamedRegistry(value: unknown): boolean {
  return isRecord(value) && typeof value.url === "string";
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Returns the text of a file, or undefined if there is no such file. */
export function textIfThere(path: string): Promise<string | undefined> {
  return ifThere(() => readFile(path, "utf8"));
}
