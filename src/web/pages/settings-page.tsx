/** @jsxImportSource preact */

import { parseForm } from "../../http/validate.ts";
import { cancelReset } from "../../keys/cancel-reset.ts";
import { readPackageKeys } from "../../keys/read-package-keys.ts";
import { addOwner } from "../../owners/add-owner.ts";
import { packageNameParam } from "../../packages/find-package.ts";
import { listVersionStates } from "../../packages/list-version-states.ts";
import { setPackageStatus } from "../../packages/package-status.ts";
import { readShownVersion } from "../../packages/read-shown-version.ts";
import { askedStatus, PackageStatusBody } from "../../packages/schemas.ts";
import type { ActionSpec, PageSpec } from "../handlers.ts";
import type { OfVisit } from "../layout.tsx";
import { withNotice } from "../notices.tsx";
import type { WebDeps } from "../visit.ts";
import { ProblemBanner, requireConfirmed } from "./form-parts.tsx";
import { type SettingsAccess, settingsFor } from "./settings-access.tsx";
import { Keys, PendingReset } from "./settings-keys.tsx";
import { Owners, Status, Versions } from "./settings-parts.tsx";

/** The address of the settings of a package, below the root. */
export function settingsPath(name: string): string {
  return `packages/${name}/settings`;
}

const SECTIONS = ["Versions", "Owners", "Status", "Keys"] as const;

function Sections() {
  return (
    <nav class="tabs" aria-label="On this page">
      {SECTIONS.map((name) => (
        <a key={name} href={`#${name.toLowerCase()}`}>
          {name}
        </a>
      ))}
    </nav>
  );
}

/** What an administrator sees who is no owner: keys, a pending reset, and where to act. */
function AdminNote({ visit: { root }, name }: OfVisit & { readonly name: string }) {
  return (
    <div class="banner">
      You are no owner of {name}, but an administrator: you can cancel a reset of its keys here, and{" "}
      <a href={`${root}admin/quarantine?${new URLSearchParams({ package: name })}`}>quarantine it</a>.
    </div>
  );
}

async function OwnersSettings(deps: WebDeps, { visit, access }: OfVisit & { readonly access: SettingsAccess }) {
  const { name, owners } = access;
  const [{ summary }, states] = await Promise.all([
    readShownVersion(deps, name, { version: undefined }),
    listVersionStates(deps, name, visit.query.get("below") ?? undefined),
  ]);
  return (
    <>
      <Versions visit={visit} name={name} states={states} />
      <Owners visit={visit} name={name} owners={owners} />
      <Status visit={visit} summary={summary} />
    </>
  );
}

/** The settings of a package: everything that its owners change without a private key. */
export const settingsPage: PageSpec = {
  audience: "session",
  load: (deps, visit) =>
    settingsFor(
      deps,
      visit,
      async (access) => {
        const { name, isOwner } = access;
        const keys = await readPackageKeys(deps, name);
        return {
          title: `Settings of ${name}`,
          body: (
            <>
              <p class="crumb">
                <a href={`${visit.root}packages/${name}`}>{name}</a>
              </p>
              <h1>Settings of {name}</h1>
              <ProblemBanner visit={visit} />
              {isOwner && <Sections />}
              {!isOwner && <AdminNote visit={visit} name={name} />}
              {keys.reset !== null && <PendingReset visit={visit} name={name} reset={keys.reset} />}
              {isOwner && (await OwnersSettings(deps, { visit, access }))}
              <Keys name={name} keys={keys} />
            </>
          ),
        };
      },
      true,
    ),
};

/** Invites an account to own the package. */
export const inviteAction: ActionSpec = {
  audience: "session",
  page: settingsPage,
  act: async (deps, { visitor, params }, form, db) => {
    const name = packageNameParam(params.name);
    await addOwner({ ...deps, db }, visitor, name, (form.get("invited") ?? "").trim());
    return { redirect: withNotice(settingsPath(name), "owner-invited") };
  },
};

/** Empty fields of a form are left out of what they ask for. */
function filled(form: URLSearchParams, name: string): string | undefined {
  const text = form.get(name)?.trim() ?? "";
  return text === "" ? undefined : text;
}

/** Sets the status of the package. */
export const statusAction: ActionSpec = {
  audience: "session",
  page: settingsPage,
  act: async (deps, { visitor, params }, form, db) => {
    const name = packageNameParam(params.name);
    const body = {
      status: form.get("status"),
      message: filled(form, "message"),
      replacement: filled(form, "replacement"),
    };
    await setPackageStatus({ ...deps, db }, visitor, name, askedStatus(parseForm(PackageStatusBody, body)));
    return { redirect: withNotice(settingsPath(name), "status-changed") };
  },
};

/** Cancels the pending reset of the keys of the package. */
export const cancelResetAction: ActionSpec = {
  audience: "session",
  page: settingsPage,
  act: async (deps, { visitor, params }, form, db) => {
    requireConfirmed(form);
    const name = packageNameParam(params.name);
    await cancelReset({ ...deps, db }, visitor, name);
    return { redirect: withNotice(settingsPath(name), "reset-cancelled") };
  },
};
