/** What a JSON column holds; each reader narrows it to the shape its writer wrote. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined };
