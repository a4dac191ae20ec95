import { ClientFault } from "../client/client-fault.ts";
import { COLORS, Home } from "../client/home.ts";
import { readClientSettings } from "../config/client-settings.ts";
import { allowColors } from "../runtime/print.ts";
import type { GivenOptions } from "./command.ts";
import { UsageError } from "./usage.ts";

/**
 * Decides about colours: `--color`, then `NO_COLOR`, then `color` in the configuration, then `auto`,
 * which colours what goes to a terminal. A document for programs never has colours.
 */
export async function chooseColors({ color, json }: GivenOptions): Promise<void> {
  if (color !== undefined && !COLORS.some((known) => known === color))
    throw new UsageError(`--color must be ${COLORS.join(", ")}.`);
  if (json === true) return;
  const settings = readClientSettings();
  const chosen = color ?? (settings.forbidsColor ? "never" : await configured(settings.home));
  const { stdout, stderr } = process;
  const isOn = (stream: { readonly isTTY?: boolean }) =>
    chosen === "always" || (chosen === "auto" && stream.isTTY === true && !settings.isDumbTerminal);
  allowColors({ stdout: isOn(stdout), stderr: isOn(stderr) });
}

async function configured(home: string): Promise<string> {
  try {
    return (await new Home(home).config()).color ?? "auto";
  } catch (cause) {
    // The command itself reports what is wrong with the configuration.
    if (cause instanceof ClientFault) return "auto";
    throw cause;
  }
}
