import { t } from "elysia";

const Time = t.String({ format: "date-time" });
const Username = t.String({ description: "User name" });
const terms = { invitedBy: Username, createdAt: Time, expiresAt: Time };

const OwnersSchema = t.Object({
  items: t.Array(t.Object({ username: Username, since: Time })),
  invitations: t.Array(t.Object({ username: Username, ...terms }), { description: "Not answered yet" }),
});

const OwnerRemovedSchema = t.Object({
  ...OwnersSchema.properties,
  keys: t.Array(t.Object({ keyId: t.String(), publicKey: t.String({ description: "Lower-case hex" }) }), {
    description: "Keys of the removed account that may still sign the package",
  }),
});

const InvitationListSchema = t.Object({
  items: t.Array(t.Object({ package: t.String({ description: "Name of the package" }), ...terms })),
});

/** By their names in /swagger/json. */
export const ownerSchemas = {
  InvitationList: InvitationListSchema,
  OwnerRemoved: OwnerRemovedSchema,
  Owners: OwnersSchema,
};

/** The parameters of the addresses. */
export const OWNER_PARAMETERS = {
  username: {
    description: "User name of the account",
    schema: { type: "string", minLength: 1, maxLength: 64 },
  },
};
