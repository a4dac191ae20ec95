import { parseVerifierKey } from "../tlog/note.ts";
import { clientFault } from "./client-fault.ts";
import { AGE_RULE, ageMs, type ClientConfig, COLORS } from "./home.ts";

/** One entry of the configuration, as commands name it: `registry`, `registries.<name>.url`. */
interface ConfigKey {
  readonly pattern: RegExp;
  readonly shown: string;
  readonly rule: string;
  readonly isValid: (value: string) => boolean;
}

const KEYS: readonly ConfigKey[] = [
  {
    pattern: /^registry$/,
    shown: "registry",
    rule: "must be an address such as https://cpm.example.org, or a name of registries",
    isValid: (value) => /^[^\s]+$/.test(value),
  },
  {
    pattern: /^registries\.[A-Za-z0-9_-]+\.url$/,
    shown: "registries.<name>.url",
    rule: "must be an address such as https://cpm.example.org",
    isValid: (value) => /^https?:$/.test(URL.parse(value)?.protocol ?? ""),
  },
  {
    pattern: /^registries\.[A-Za-z0-9_-]+\.key$/,
    shown: "registries.<name>.key",
    rule: "must be the verifier key of its log, as cpm-registry log key prints it",
    isValid: (value) => parseVerifierKey(value) !== undefined,
  },
  {
    pattern: /^registries\.[A-Za-z0-9_-]+\.cafile$/,
    shown: "registries.<name>.cafile",
    rule: "must be the path of a file with certificates in PEM",
    isValid: (value) => value !== "",
  },
  {
    pattern: /^color$/,
    shown: "color",
    rule: `must be ${COLORS.join(", ")}`,
    isValid: (value) => COLORS.some((known) => known === value),
  },
  {
    pattern: /^minimumAge$/,
    shown: "minimumAge",
    rule: AGE_RULE,
    isValid: (value) => ageMs(value) !== undefined,
  },
];

/** What `config set` can change. */
export const CONFIG_KEYS: readonly string[] = KEYS.map(({ shown }) => shown);

type Tree = Readonly<Record<string, unknown>>;

/** Returns all texts of the configuration by their names, also those of other programs. */
export function configEntries(config: ClientConfig): [name: string, value: string][] {
  return entriesOf(config, "");
}

function entriesOf(tree: Tree, before: string): [string, string][] {
  return Object.entries(tree).flatMap(([name, value]): [string, string][] => {
    const path = `${before}${name}`;
    return isTree(value) ? entriesOf(value, `${path}.`) : [[path, textOf(value)]];
  });
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Returns the configuration with one entry set, or without it for an empty value. */
export function withConfigEntry(config: ClientConfig, name: string, value: string): ClientConfig {
  const key = requireConfigKey(name);
  if (value !== "" && !key.isValid(value)) throw clientFault("usage", "client_config_invalid", `${name} ${key.rule}.`);
  const changed = changedTree(config, name.split("."), value);
  const [, registry] = /^registries\.([^.]+)\.(?!url$)/.exec(name) ?? [];
  if (
    registry === undefined ||
    value === "" ||
    configEntries(changed).some(([at]) => at === `registries.${registry}.url`)
  )
    return changed;
  const detail = `${registry} has no address yet. Set it first: cpm-registry config set registries.${registry}.url <url>`;
  throw clientFault("usage", "client_config_invalid", detail);
}

function changedTree(tree: Tree, [name = "", ...rest]: readonly string[], value: string): Tree {
  const { [name]: before, ...others } = tree;
  if (rest.length === 0) return value === "" ? others : { ...tree, [name]: value };
  const inner = changedTree(isTree(before) ? before : {}, rest, value);
  // A registry without an address is none.
  const isGone = Object.keys(inner).length === 0 || (value === "" && rest.at(-1) === "url");
  return isGone ? others : { ...tree, [name]: inner };
}

/** Finds what a name stands for. Throws `ClientFault` for a name that is none. */
export function requireConfigKey(name: string): ConfigKey {
  const key = KEYS.find(({ pattern }) => pattern.test(name));
  if (key !== undefined) return key;
  throw clientFault(
    "usage",
    "client_config_invalid",
    `The configuration has no '${name}'. It has ${CONFIG_KEYS.join(", ")}.`,
  );
}
