import { clientFault } from "../client/client-fault.ts";
import { configEntries, requireConfigKey, withConfigEntry } from "../client/config-keys.ts";
import { type ClientOptions, clientContext, rowsText } from "./client-context.ts";

type Given = Partial<ClientOptions>;

/** Prints one entry of the configuration. */
export async function configGet(given: Given, name: string): Promise<number> {
  const context = clientContext(given);
  const found = configEntries(await context.home.config()).find(([each]) => each === name);
  if (found === undefined) {
    requireConfigKey(name);
    throw clientFault(
      "failed",
      "client_config_unset",
      `${name} is not set. Set it: cpm-registry config set ${name} <value>`,
    );
  }
  context.answer({ name, value: found[1] }, found[1]);
  return 0;
}

/** Sets one entry of the configuration. An empty value removes it. */
export async function configSet(given: Given, name: string, value: string): Promise<number> {
  const context = clientContext(given);
  await context.home.updateConfig((config) => withConfigEntry(config, name, value));
  context.answer(
    { name, value: value === "" ? null : value },
    value === "" ? `${name} is not set any more.` : `${name} is ${value}.`,
  );
  return 0;
}

/** Prints the whole configuration. */
export async function configList(given: Given): Promise<number> {
  const context = clientContext(given);
  const { configPath } = context.home;
  const entries = configEntries(await context.home.config());
  context.answer(
    { file: configPath, entries: Object.fromEntries(entries) },
    rowsText(context, ["NAME", "VALUE"], entries),
  );
  if (entries.length === 0) context.prompt.note(`${configPath} has nothing in it.`);
  return 0;
}
