/** The categories of a yank, as clients send and read them. */
export const YANK_REASONS = ["broken", "security", "renamed", "other"] as const;

/** One of them. */
export type YankReason = (typeof YANK_REASONS)[number];
