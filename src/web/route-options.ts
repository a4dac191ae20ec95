/** Pages are for people, so the description of the API has none of them. */
export const HIDDEN = { detail: { hide: true } };

/** The handler reads the form itself, after it knows who sent it. */
export const FORM = { ...HIDDEN, parse: "none" } as const;
