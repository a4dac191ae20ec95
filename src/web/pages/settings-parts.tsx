/** @jsxImportSource preact */
import type { OwnersView } from "../../owners/list-owners.ts";
import type { VersionState, VersionStates } from "../../packages/list-version-states.ts";
import type { PackageSummary } from "../../packages/views.ts";
import type { OfVisit } from "../layout.tsx";
import { Field, PostForm, Select, TextArea } from "./form-parts.tsx";
import { tabPath } from "./package-address.ts";
import { TableRegion } from "./table-region.tsx";
import { Day } from "./texts.tsx";
import { yankReasonText } from "./yank-texts.ts";

interface OfPackage extends OfVisit {
  readonly name: string;
}

interface StateProps {
  readonly state: VersionState;
  /** True if the whole package is in quarantine. */
  readonly isStopped: boolean;
}

function StateBadges({ state, isStopped }: StateProps) {
  const { yanked, yankReason, quarantine, compromised } = state;
  const quarantined = isStopped || quarantine !== null;
  const why = yankReasonText(yankReason);
  return (
    <>
      {quarantined && <span class="badge bad">in quarantine</span>}
      {compromised && <span class="badge bad">compromised key</span>}
      {yanked && <span class="badge warn">yanked{why === undefined ? "" : `: ${why}`}</span>}
      {!quarantined && !compromised && !yanked && <span class="badge">available</span>}
    </>
  );
}

interface VersionsProps extends OfPackage {
  readonly states: VersionStates;
  /** True if the whole package is in quarantine. */
  readonly isStopped: boolean;
}

/** The versions of a package, each with the way to its yank. */
export function Versions({ visit: { root }, name, states, isStopped }: VersionsProps) {
  const yankOf = (version: string) => `${root}packages/${name}/settings/yank?${new URLSearchParams({ version })}`;
  return (
    <section id="versions">
      <h2>Versions</h2>
      <p>
        A yank takes a version out of search and of latest, and can be undone. Whoever asks for exactly this version
        still gets it, with your reason.
      </p>
      <TableRegion label="Versions">
        <thead>
          <tr>
            <th scope="col">Version</th>
            <th scope="col">Published</th>
            <th scope="col">State</th>
            <th scope="col">
              <span class="hidden">Change</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {states.items.map((state) => (
            <tr key={state.version}>
              <td>
                <a href={`${root}${tabPath(name, state.version, "")}`}>{state.version}</a>
              </td>
              <td>
                <Day at={state.publishedAt} />
              </td>
              <td>
                <StateBadges state={state} isStopped={isStopped} />
              </td>
              <td>
                {!state.compromised && (
                  <a href={yankOf(state.version)}>
                    {state.yanked ? "Undo or change…" : "Yank…"}
                    <span class="hidden"> {state.version}</span>
                  </a>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </TableRegion>
      {states.next !== null && (
        <p>
          <a href={`${root}packages/${name}/settings?${new URLSearchParams({ below: states.next })}`}>Older versions</a>
        </p>
      )}
    </section>
  );
}

function OwnerRows({ visit: { root, visitor }, name, owners }: OfPackage & { readonly owners: OwnersView }) {
  const removalOf = (username: string) =>
    `${root}packages/${name}/settings/remove-owner?${new URLSearchParams({ username })}`;
  const isAlone = owners.items.length === 1;
  return (
    <tbody>
      {owners.items.map(({ username, since }) => {
        const isSelf = username === visitor?.user.username;
        return (
          <tr key={username}>
            <td>
              <a href={`${root}users/${username}`}>{username}</a> {isSelf && <span class="badge plain">you</span>}
            </td>
            <td>
              owner since <Day at={since} />
            </td>
            <td>
              {isAlone ? (
                <span class="hint">the last owner stays</span>
              ) : (
                <a href={removalOf(username)}>
                  {isSelf ? "Leave…" : "Remove…"}
                  <span class="hidden"> {username}</span>
                </a>
              )}
            </td>
          </tr>
        );
      })}
      {owners.invitations.map(({ username, invitedBy, expiresAt }) => (
        <tr key={username}>
          <td>
            {username} <span class="badge warn">invited</span>
          </td>
          <td>
            by {invitedBy}, until <Day at={expiresAt} />
          </td>
          <td>
            <a href={removalOf(username)}>
              Withdraw…<span class="hidden"> the invitation of {username}</span>
            </a>
          </td>
        </tr>
      ))}
    </tbody>
  );
}

/** The owners of a package and who is invited, and the form that invites. */
export function Owners({ visit, name, owners }: OfPackage & { readonly owners: OwnersView }) {
  return (
    <section id="owners">
      <h2>Owners</h2>
      <TableRegion label="Owners">
        <thead>
          <tr>
            <th scope="col">Account</th>
            <th scope="col">Since</th>
            <th scope="col">
              <span class="hidden">Change</span>
            </th>
          </tr>
        </thead>
        <OwnerRows visit={visit} name={name} owners={owners} />
      </TableRegion>
      <PostForm visit={visit} action={`packages/${name}/settings/owners`}>
        <Field
          name="invited"
          label="Invite an account"
          maxLength={64}
          hint="Its user name. It becomes an owner when it accepts, and may then publish, yank and change owners."
        />
        <button type="submit">Invite</button>
      </PostForm>
    </section>
  );
}

const STATUSES = [
  ["active", "Active: maintained"],
  ["deprecated", "Deprecated: should not be used any more"],
  ["archived", "Archived: takes no new versions"],
] as const;

/** The form that deprecates or archives a package, or takes that back. */
export function Status({ visit, summary }: OfVisit & { readonly summary: PackageSummary }) {
  const { name, status, statusMessage, statusReplacement } = summary;
  return (
    <section id="package-status">
      <h2>Status</h2>
      <p>All versions stay found and downloadable. Whoever looks at the package sees the status above all else.</p>
      <PostForm visit={visit} action={`packages/${name}/settings/status`}>
        <Select name="status" label={`Status of ${name}`} value={status} choices={STATUSES} />
        <TextArea
          name="message"
          label="Why (may be empty)"
          hint="This and the package to use instead are left out for Active."
          maxLength={1_000}
          value={statusMessage ?? ""}
        />
        <Field
          name="replacement"
          label="Package of this registry to use instead (may be empty)"
          required={false}
          maxLength={64}
          value={statusReplacement ?? ""}
        />
        <button type="submit">Save the status</button>
      </PostForm>
    </section>
  );
}
