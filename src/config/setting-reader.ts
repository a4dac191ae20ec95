import type { SettingProblem, Settings } from "./collect-settings.ts";
import { type ChoiceOf, type NameOf, SETTINGS, type SettingName } from "./settings.ts";

interface ChoiceSetting<T extends string> {
  readonly choices: readonly T[];
  readonly default: T;
}

const CHOICES: { readonly [Name in NameOf<"choice">]: ChoiceSetting<ChoiceOf<Name>> } = SETTINGS;

/**
 * Reads one setting after another and collects what is wrong with them. A wrong value reads as the
 * default.
 */
export class SettingReader {
  constructor(
    readonly settings: Settings,
    readonly problems: SettingProblem[],
  ) {}

  text(name: SettingName): string | undefined {
    return this.settings.get(name);
  }

  /** Adds a problem. `message` continues the name of the setting: "must be …". */
  reject(setting: string, message: string): void {
    this.problems.push({ setting, message });
  }

  integer(name: NameOf<"integer">): number {
    const { default: fallback, min, max } = SETTINGS[name];
    const text = this.text(name);
    if (text === undefined) return fallback;
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    this.reject(name, `must be a whole number from ${min} to ${max}`);
    return fallback;
  }

  /** Reads comma-separated texts, without the spaces around them. */
  list(name: NameOf<"list">): readonly string[] {
    const texts = (this.text(name) ?? "").split(",").map((text) => text.trim());
    return texts.filter((text) => text !== "");
  }

  flag(name: NameOf<"flag">, fallback: boolean): boolean {
    return this.#oneOf(name, ["true", "false"], fallback ? "true" : "false") === "true";
  }

  /** Reads a text that must be given. `when` says in which case, for the problem. */
  required(name: NameOf<"text">, when: string): string {
    const text = this.text(name);
    if (text === undefined) this.reject(name, `is required ${when}`);
    return text ?? "";
  }

  choice<Name extends NameOf<"choice">>(name: Name): ChoiceOf<Name> {
    const { choices, default: fallback } = CHOICES[name];
    return this.#oneOf(name, choices, fallback);
  }

  #oneOf<T extends string>(name: SettingName, choices: readonly T[], fallback: T): T {
    const text = this.text(name);
    if (text === undefined) return fallback;
    const chosen = choices.find((choice) => choice.toLowerCase() === text.toLowerCase());
    if (chosen === undefined) this.reject(name, `must be one of ${choices.join(", ")}`);
    return chosen ?? fallback;
  }
}
