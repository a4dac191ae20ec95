/** @jsxImportSource preact */

import { parseForm } from "../../http/validate.ts";
import { cancelReset } from "../../keys/cancel-reset.ts";
import { readKeyHolders } from "../../keys/read-key-holders.ts";
import { readPackageKeys } from "../../keys/read-package-keys.ts";
import { addOwner } from "../../owners/add-owner.ts";
import { packageNameParam } from "../../packages/find-package.ts";
import { listVersionStates, type VersionStates } from "../../packages/list-version-states.ts";
import { setPackageStatus } from "../../packages/package-status.ts";
import { readShownVersion } from "../../packages/read-shown-version.ts";
import { askedStatus, PackageStatusBody } from "../../packages/schemas.ts";
import type { PackageSummary } from "../../packages/views.ts";
import type { ActionSpec, PageSpec } from "../handlers.ts";
import type { OfVisit } from "../layout.tsx";
import { withNotice } from "../notices.tsx";
import { requireConfirmed } from "./form-parts.tsx";
import { quarantineFormPath } from "./package-administration.tsx";
import { type SettingsAccess, settingsFor } from "./settings-access.tsx";
import { Keys, PendingReset } from "./settings-keys.tsx";
import { Owners, Status, Versions } from "./settings-parts.tsx";
import { Quarantines } from "./settings-quarantines.tsx";

/** The address of the settings of a package, below the root. */
export function settingsPath(name: string): string {
  return `packages/${name}/settings`;
}

/** The ids of the sections of the page, and what their links say. */
const SECTIONS = [
  ["versions", "Versions"],
  ["owners", "Owners"],
  ["package-status", "Status"],
  ["keys", "Keys"],
] as const;

function Sections() {
  return (
    <nav class="tabs" aria-label="On this page">
      {SECTIONS.map(([id, text]) => (
        <a key={id} href={`#${id}`}>
          {text}
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
      <a href={`${root}${quarantineFormPath(name)}`}>quarantine it</a>.
    </div>
  );
}

interface OwnersProps extends OfVisit {
  readonly access: SettingsAccess;
  readonly summary: PackageSummary;
  readonly states: VersionStates;
}

function OwnersSettings({ visit, access: { name, owners }, summary, states }: OwnersProps) {
  return (
    <>
      <Versions visit={visit} name={name} states={states} isStopped={summary.quarantine !== null} />
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
        const [keys, holders, { summary }, states] = await Promise.all([
          readPackageKeys(deps, name),
          readKeyHolders(deps, name),
          readShownVersion(deps, name, { version: undefined }),
          listVersionStates(deps, name, visit.query.get("below") ?? undefined),
        ]);
        return {
          title: `Settings of ${name}`,
          body: (
            <>
              <p class="crumb">
                <a href={`${visit.root}packages/${name}`}>{name}</a>
              </p>
              <h1>Settings of {name}</h1>
              <Quarantines visit={visit} summary={summary} states={states} />
              {isOwner && <Sections />}
              {!isOwner && <AdminNote visit={visit} name={name} />}
              {keys.reset !== null && <PendingReset visit={visit} name={name} reset={keys.reset} />}
              {isOwner && <OwnersSettings visit={visit} access={access} summary={summary} states={states} />}
              <Keys visit={visit} name={name} keys={keys} holders={holders} />
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
  act: async (deps, visit, form, db) => {
    const name = packageNameParam(visit.params.name);
    const username = (form.get("invited") ?? "").trim();
    await addOwner({ ...deps, db }, visit.visitor, name, username);
    return { redirect: withNotice(visit, settingsPath(name), "owner-invited", username, name) };
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
  act: async (deps, visit, form, db) => {
    const name = packageNameParam(visit.params.name);
    const status = form.get("status");
    // The form still shows why it was deprecated. That ends with the deprecation.
    const why = { message: filled(form, "message"), replacement: filled(form, "replacement") };
    const body = { status, ...(status === "active" ? {} : why) };
    const asked = askedStatus(parseForm(PackageStatusBody, body));
    await setPackageStatus({ ...deps, db }, visit.visitor, name, asked);
    return { redirect: withNotice(visit, settingsPath(name), "status-changed", name, asked.status) };
  },
};

/** Cancels the pending reset of the keys of the package. */
export const cancelResetAction: ActionSpec = {
  audience: "session",
  page: settingsPage,
  act: async (deps, visit, form, db) => {
    requireConfirmed(form);
    const name = packageNameParam(visit.params.name);
    await cancelReset({ ...deps, db }, visit.visitor, name);
    return { redirect: withNotice(visit, settingsPath(name), "reset-cancelled", name) };
  },
};
