import type { SettingName, SettingProblem, Settings } from "./settings.ts";

/** Reads one setting after the other and remembers what is wrong with each. */
export class SettingReader {
  constructor(
    readonly settings: Settings,
    readonly problems: SettingProblem[],
  ) {}

  text(name: SettingName): string | undefined {
    return this.settings.get(name);
  }

  reject(setting: string, message: string): void {
    this.problems.push({ setting, message });
  }

  integer(name: SettingName, fallback: number, min: number, max: number): number {
    const text = this.text(name);
    if (text === undefined) return fallback;
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    this.reject(name, `must be a whole number from ${min} to ${max}`);
    return fallback;
  }

  /** Comma-separated texts without the blanks around them. */
  list(name: SettingName): readonly string[] {
    const texts = (this.text(name) ?? "").split(",").map((text) => text.trim());
    return texts.filter((text) => text !== "");
  }

  flag(name: SettingName, fallback: boolean): boolean {
    return this.choice(name, ["true", "false"], fallback ? "true" : "false") === "true";
  }

  /** Joins the problem of a setting that is needed and not there to the others. */
  required(name: SettingName, why: string): string {
    const text = this.text(name);
    if (text === undefined) this.reject(name, `is required ${why}`);
    return text ?? "";
  }

  choice<const T extends string>(name: SettingName, choices: readonly T[], fallback: T): T {
    const text = this.text(name);
    if (text === undefined) return fallback;
    const chosen = choices.find((choice) => choice.toLowerCase() === text.toLowerCase());
    if (chosen === undefined) this.reject(name, `must be one of ${choices.join(", ")}`);
    return chosen ?? fallback;
  }
}
