import { type Config, readConfig } from "../config/config.ts";
import { type Beside, openBeside } from "./open-offline.ts";

/** Does something with the database of the settings, beside a server that may be running. */
export async function beside<T>(
  configFile: string | undefined,
  work: (deps: Beside & { readonly config: Config }) => Promise<T>,
): Promise<T> {
  const config = readConfig(configFile);
  const deps = await openBeside(config);
  try {
    return await work({ ...deps, config });
  } finally {
    await deps.close();
  }
}
