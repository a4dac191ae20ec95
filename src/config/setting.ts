/** The headings of docs/settings.md, in their order. */
export const SETTING_GROUPS = [
  "Server",
  "Database",
  "Storage of archives",
  "Sessions and accounts",
  "Publishing",
  "Limits of archives",
  "Transparency log",
  "Metrics and traces",
  "Webhooks",
  "Web page",
  "Tests",
] as const;

interface SettingBase {
  readonly group: (typeof SETTING_GROUPS)[number];
  /**
   * Printed in docs/settings.md, in Markdown. Whole sentences or short phrases, without a full stop
   * at the end.
   */
  readonly description: string;
  /** What the default is when the code computes it, in Markdown. */
  readonly defaultText?: string;
  /** True if the value must not be printed. */
  readonly secret?: true;
}

/** One setting: how it is read, and what the documentation says of it. */
export type Setting = SettingBase &
  (
    | { readonly type: "text"; readonly default?: string }
    | { readonly type: "list" }
    | { readonly type: "integer"; readonly default: number; readonly min: number; readonly max: number }
    | { readonly type: "choice"; readonly default: string; readonly choices: readonly string[] }
    /** A flag without a default follows from another setting. */
    | { readonly type: "flag"; readonly default?: boolean }
  );
