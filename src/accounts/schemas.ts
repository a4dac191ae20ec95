import { type Static, t } from "elysia";
import { USERNAME_PATTERN } from "../domain/username.ts";
import { requireForm } from "../http/validate.ts";
import { INVITATION_DAYS_MAX } from "./account-links.ts";
import { PASSWORD_MAX_CHARS, PASSWORD_MIN_CHARS } from "./password.ts";

/*
 * Request bodies and responses of accounts. `error` is the sentence that a user reads if a field is
 * invalid.
 */

const Username = t.String({
  pattern: USERNAME_PATTERN,
  error: "must be 1 to 64 letters and digits, with . _ - only between them",
});

const Email = t.String({
  pattern: "^[^\\s@\\u0000-\\u001f]+@[^\\s@\\u0000-\\u001f]+$",
  maxLength: 254,
  error: "must be an e-mail address",
});

/**
 * Matches one character, which JavaScript stores as one or two code units. `minLength` would count
 * five emoji as ten characters. Patterns are compiled without the `u` flag, so the surrogate pair
 * is spelled out.
 */
const CHARACTER = "(?:[\\ud800-\\udbff][\\udc00-\\udfff]|[\\ud800-\\udbff](?![\\udc00-\\udfff])|[^\\ud800-\\udbff])";

const NewPassword = t.String({
  pattern: `^${CHARACTER}{${PASSWORD_MIN_CHARS},${PASSWORD_MAX_CHARS}}$`,
  error: `must be ${PASSWORD_MIN_CHARS} to ${PASSWORD_MAX_CHARS} characters`,
  documentedAs: { type: "string", minLength: PASSWORD_MIN_CHARS, maxLength: PASSWORD_MAX_CHARS },
});

const AnyPassword = t.String({ maxLength: 2 * PASSWORD_MAX_CHARS, error: "must be the account's password" });

/** The body of `POST /api/auth/register`. */
export const RegisterBody = t.Object({
  username: Username,
  email: Email,
  password: NewPassword,
  invitation: t.Optional(
    t.String({
      description: "The token of an invitation, which a registry with closed registration needs",
      pattern: "^[A-Za-z0-9_-]{1,100}$",
      error: "must be the token of an invitation: the part of its link behind invitation=",
    }),
  ),
});

/** The body of `POST /api/auth/reset`. */
export const ResetBody = t.Object({
  token: t.String({
    description: "The token of the link that an administrator made",
    pattern: "^[A-Za-z0-9_-]{1,100}$",
    error: "must be the token of a reset link: the part of the link behind token=",
  }),
  password: NewPassword,
});

/** The body of `POST /api/auth/login`. `username` may be an e-mail address. */
export const LoginBody = t.Object({
  username: t.String({ minLength: 1, maxLength: 254, error: "must be a user name or an e-mail address" }),
  password: AnyPassword,
});

/** The body of `POST /api/auth/password`. */
export const ChangePasswordBody = t.Object({
  currentPassword: AnyPassword,
  newPassword: NewPassword,
  keepTokens: t.Optional(
    t.Boolean({
      description: "Whether the API tokens stay; they are revoked without it",
      error: "must be true or false",
    }),
  ),
});

/** The body of `POST /api/auth/logout`, which may be missing. */
export const LogoutBody = t.Object({
  everywhere: t.Optional(
    t.Boolean({ description: "Takes back everything that somebody else may have", error: "must be true or false" }),
  ),
  retireKeys: t.Optional(
    t.Boolean({
      description: "With everywhere: retires the keys registered in the last 30 days",
      error: "must be true or false",
    }),
  ),
});

/** What an invitation to make an account is asked for with. */
export const InvitationBody = t.Object({
  email: t.Optional(Email),
  days: t.Integer({
    minimum: 1,
    maximum: INVITATION_DAYS_MAX,
    error: `must be a whole number of days, 1 to ${INVITATION_DAYS_MAX}`,
  }),
});

/** Throws `validation_failed` if a registration that did not arrive over HTTP is invalid. */
export function requireRegistration(registration: Static<typeof RegisterBody>): void {
  requireForm(RegisterBody, registration);
}

/** Throws `validation_failed` if a text is no e-mail address. */
export function requireEmail(email: string): void {
  requireForm(t.Object({ email: Email }), { email });
}

/** Throws `validation_failed` if a new password is invalid. */
export function requireNewPassword(password: string): void {
  requireForm(t.Object({ password: NewPassword }), { password });
}

const UserSchema = t.Object({
  id: t.String(),
  username: t.String(),
  email: t.String(),
  role: t.Union([t.Literal("user"), t.Literal("admin")]),
  createdAt: t.String({ format: "date-time" }),
});

const userRef = t.Unsafe({ $ref: "#/components/schemas/User" });

const UserAnswerSchema = t.Object({ user: userRef });

const LoginAnswerSchema = t.Object({
  token: t.String(),
  tokenType: t.Literal("Bearer"),
  expiresAt: t.String({ format: "date-time" }),
  user: userRef,
});

const EvictionSchema = t.Object({
  sessionsEnded: t.Integer(),
  tokensRevoked: t.Integer(),
  webhooksDisabled: t.Array(t.Object({ id: t.String(), host: t.String() })),
  invitationsWithdrawn: t.Array(t.Object({ package: t.String(), username: t.String() })),
  resetsCancelled: t.Array(t.String({ description: "Name of the package" })),
  recentKeys: t.Array(t.Unsafe({ $ref: "#/components/schemas/SigningKey" }), {
    description: "Keys registered in the last 30 days that were not retired before",
  }),
});

/** By their names in /swagger/json. */
export const accountSchemas = {
  Eviction: EvictionSchema,
  LoginAnswer: LoginAnswerSchema,
  User: UserSchema,
  UserAnswer: UserAnswerSchema,
};
