import { t } from "elysia";
import { TOKEN_SCOPES } from "../accounts/actor.ts";

const EXPIRES_DEFAULT_DAYS = 90;
const EXPIRES_MAX_DAYS = 366;
const PATTERNS_MAX = 100;

const Label = t.String({
  minLength: 1,
  maxLength: 100,
  pattern: "^[^\\u0000-\\u001f\\u007f]*$",
  error: "must be 1 to 100 characters in one line: what the token is for",
});

/** Not `oneOf`: for a text in place of the list, Elysia would then judge each letter. */
const Scope = t.UnionEnum([...TOKEN_SCOPES], { error: `must be one of ${TOKEN_SCOPES.join(", ")}` });

const Pattern = t.String({
  maxLength: 65,
  pattern: "^(?:\\*|[a-z0-9]+(?:[-_.][a-z0-9]+)*(?:[-_.]?\\*)?)$",
  error: "must be the name of a package, names with one beginning such as foo-*, or * for all",
});

/** The body of `POST /api/auth/tokens`. The defaults are those of `TOKEN_DEFAULTS`. */
export const CreateTokenBody = t.Object({
  label: Label,
  scopes: t.Array(Scope, {
    minItems: 1,
    maxItems: TOKEN_SCOPES.length,
    error: `must be a list of some of ${TOKEN_SCOPES.join(", ")}`,
  }),
  packages: t.Optional(
    t.Array(Pattern, {
      minItems: 1,
      maxItems: PATTERNS_MAX,
      default: ["*"],
      error: `must be a list of at most ${PATTERNS_MAX} names or patterns`,
    }),
  ),
  expiresInDays: t.Optional(
    t.Integer({
      minimum: 1,
      maximum: EXPIRES_MAX_DAYS,
      default: EXPIRES_DEFAULT_DAYS,
      error: `must be a whole number of days, 1 to ${EXPIRES_MAX_DAYS}`,
    }),
  ),
});

/** The body of `POST /api/auth/token`, where every field may be left out. */
export const PublisherTokenBody = t.Partial(CreateTokenBody);

/** The values of fields that a request leaves out. */
export const TOKEN_DEFAULTS = { packages: ["*"], expiresInDays: EXPIRES_DEFAULT_DAYS } as const;

/** The scopes of a token for publishing, where a request names none. */
export const PUBLISHER_SCOPES = ["read", "publish-new", "publish-update"] as const;

const tokenFields = {
  id: t.String(),
  label: t.String(),
  scopes: t.Array(t.String()),
  packages: t.Array(t.String({ description: "Name, or pattern such as foo-*" })),
  createdAt: t.String({ format: "date-time" }),
  expiresAt: t.String({ format: "date-time" }),
  lastUsedAt: t.Unsafe<string | null>({ type: "string", format: "date-time", nullable: true }),
};

const ApiTokenSchema = t.Object(tokenFields);
const NewApiTokenSchema = t.Object({
  ...tokenFields,
  token: t.String({ description: "The token itself: shown here and never again" }),
});
const ApiTokenListSchema = t.Object({ items: t.Array(t.Unsafe({ $ref: "#/components/schemas/ApiToken" })) });

/** The parameters of the addresses. */
export const TOKEN_PARAMETERS = {
  id: {
    description: "ID of an API token",
    schema: { type: "string", format: "uuid", minLength: 36, maxLength: 36 },
  },
};

/** By their names in /swagger/json. */
export const tokenSchemas = {
  ApiToken: ApiTokenSchema,
  ApiTokenList: ApiTokenListSchema,
  NewApiToken: NewApiTokenSchema,
};
