import type { Dialect } from "../dialect.ts";
import { type UsersTable, userIdColumn } from "./accounts.ts";
import { type PackagesTable, packageIdColumn } from "./packages.ts";

/** Declares the owners of packages and the invitations to become one. */
export function ownerTables(d: Dialect, users: UsersTable, packages: PackagesTable) {
  const packageOwners = d.table(
    "package_owners",
    {
      packageId: packageIdColumn(d, packages),
      userId: d
        .text("user_id")
        .notNull()
        .references(() => users.id),
      createdAt: d.instant("created_at").notNull(),
    },
    (t) => [d.primaryKey({ columns: [t.packageId, t.userId] }), d.index("package_owners_user_idx").on(t.userId)],
  );
  const ownerInvitations = d.table(
    "owner_invitations",
    {
      packageId: packageIdColumn(d, packages),
      userId: userIdColumn(d, users),
      invitedBy: d.text("invited_by").notNull(),
      createdAt: d.instant("created_at").notNull(),
      expiresAt: d.instant("expires_at").notNull(),
    },
    (t) => [d.primaryKey({ columns: [t.packageId, t.userId] }), d.index("owner_invitations_user_idx").on(t.userId)],
  );
  return { packageOwners, ownerInvitations };
}
