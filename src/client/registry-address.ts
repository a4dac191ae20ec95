import { readFile } from "node:fs/promises";
import type { ClientSettings } from "../config/client-settings.ts";
import { isLoopback } from "../config/host.ts";
import { clientFault } from "./client-fault.ts";
import type { ClientConfig } from "./home.ts";

/** The registry that a command talks to. */
export interface RegistryAddress {
  /** The base URL, without a slash at the end. */
  readonly url: string;
  /** What credentials are kept under. */
  readonly origin: string;
  /** Certificates to trust, in PEM. */
  readonly certificates: string | undefined;
  /** The verifier key of its log, where the configuration names one. */
  readonly logKey: string | undefined;
  readonly source: AddressSource;
}

/** What named the registry. */
export type AddressSource = "option" | "CPM_REGISTRY" | "config";

/** What says which registry is meant, besides configuration and environment. */
export interface AddressOptions {
  readonly registry: string | undefined;
  readonly cafile: string | undefined;
  readonly insecureHttp: boolean;
}

/**
 * Finds the registry: `--registry`, then `CPM_REGISTRY`, then `registry` in the configuration. Each
 * is an address, or a name of `registries`.
 */
export async function registryAddress(
  { registry, cafile, insecureHttp }: AddressOptions,
  settings: Pick<ClientSettings, "registry" | "certificateFile">,
  config: ClientConfig,
): Promise<RegistryAddress> {
  const given = registry ?? settings.registry ?? config.registry;
  if (given === undefined) {
    const detail = `No registry is known here. Log in to one, which remembers it: cpm-registry login <url>
Or name it with --registry <url>, or CPM_REGISTRY in the environment.`;
    throw clientFault("usage", "client_registry_unknown", detail);
  }
  const named = ownOf(config.registries ?? {}, given);
  const url = webUrl(named?.url ?? given, Object.keys(config.registries ?? {}));
  requireSafe(url, insecureHttp);
  const file = cafile ?? named?.cafile ?? settings.certificateFile;
  return {
    url: url.href.replace(/\/+$/, ""),
    origin: url.origin,
    certificates: file === undefined ? undefined : await certificatesOf(file),
    logKey: named?.key,
    source: registry !== undefined ? "option" : settings.registry !== undefined ? "CPM_REGISTRY" : "config",
  };
}

function ownOf<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

/** A host without a scheme is meant as https, and a loopback one as http. */
function webUrl(text: string, names: readonly string[]): URL {
  const isHost =
    /^[a-z0-9.-]+\.[a-z0-9-]+(:\d+)?(\/.*)?$/i.test(text) || /^(localhost|\[::1\])(:\d+)?(\/.*)?$/i.test(text);
  const meant = URL.parse(`http://${text}`);
  const guessed = isHost ? `${isLoopback(meant?.hostname ?? "") ? "http" : "https"}://${text}` : text;
  const url = URL.parse(guessed);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    const known = names.length === 0 ? "" : ` Names in the configuration: ${names.join(", ")}.`;
    const detail = `'${text}' is neither an address such as https://cpm.example.org nor the name of a registry.${known}`;
    throw clientFault("usage", "client_registry_invalid", detail);
  }
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    const detail =
      "The address of a registry has no user name, password, ? or #. Log in with: cpm-registry login <url>";
    throw clientFault("usage", "client_registry_invalid", detail);
  }
  return url;
}

function requireSafe({ protocol, hostname, href }: URL, insecureHttp: boolean): void {
  if (protocol === "https:" || isLoopback(hostname) || insecureHttp) return;
  const detail = `${href} would send passwords and tokens unencrypted. Use https, or --insecure-http in a network that you trust.`;
  throw clientFault("usage", "client_registry_insecure", detail);
}

async function certificatesOf(file: string): Promise<string> {
  try {
    const text = await readFile(file, "utf8");
    if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw clientFault("usage", "client_cafile_unreadable", `The certificates cannot be read: ${reason}`);
  }
  throw clientFault("usage", "client_cafile_unreadable", `${file} has no certificate in PEM.`);
}
