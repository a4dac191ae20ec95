/** The value of a JSON column. Each reader narrows it to the shape that its writer wrote. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined };
