/** The categories of a yank, as clients send and read them. */
export const YANK_REASONS = ["broken", "security", "renamed", "other"] as const;

/** The longest message of a yank or of a package's status, in characters. */
export const MESSAGE_MAX_CHARS = 1_000;

/** One of them. */
export type YankReason = (typeof YANK_REASONS)[number];
