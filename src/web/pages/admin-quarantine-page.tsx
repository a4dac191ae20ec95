/** @jsxImportSource preact */

import type { Origin } from "../../audit/record-event.ts";
import { parseForm } from "../../http/validate.ts";
import { allowName } from "../../moderation/allow-name.ts";
import { type AllowedName, listAllowedNames } from "../../moderation/list-allowed-names.ts";
import { listQuarantined, type Quarantined } from "../../moderation/list-quarantined.ts";
import { quarantinePackage, quarantineVersion } from "../../moderation/quarantine.ts";
import { nameParam, QuarantineBody } from "../../moderation/schemas.ts";
import { packageNameParam } from "../../packages/find-package.ts";
import { STATUS_REASONS } from "../../tlog/status-leaf.ts";
import { fieldFault } from "../form-problem.ts";
import type { ActionSpec, PageSpec } from "../handlers.ts";
import type { OfVisit } from "../layout.tsx";
import { withNotice } from "../notices.tsx";
import type { WebDeps } from "../visit.ts";
import { framedPage } from "./account-frame.tsx";
import { accountPath } from "./admin-accounts-page.tsx";
import { Confirm, Field, FoldedForm, PostForm, requireConfirmed, Select } from "./form-parts.tsx";
import { tabPath } from "./package-address.ts";
import { TableRegion } from "./table-region.tsx";
import { Day } from "./texts.tsx";

const CATEGORY_TEXTS: Readonly<Record<(typeof STATUS_REASONS)[number], string>> = {
  legal: "legal: the law or a court demands it",
  secret: "secret: it contains a secret that must not spread",
  malware: "malware: it does harm",
  policy: "policy: it breaks the rules of this registry",
};

function QuarantineForm({ visit }: OfVisit) {
  const asked = visit.query.get("package") ?? "";
  return (
    <PostForm visit={visit} action="admin/quarantine">
      <Field name="package" label="Package" maxLength={64} value={asked} />
      <Field
        name="version"
        label="Version (empty for the whole package)"
        required={false}
        maxLength={128}
        value={visit.query.get("version") ?? ""}
      />
      <Select
        name="category"
        label="Category"
        placeholder="Choose the category"
        choices={STATUS_REASONS.map((reason) => [reason, CATEGORY_TEXTS[reason]] as const)}
        hint="The log records it for good, and everybody can read it."
      />
      <Field
        name="reason"
        label="Reason in words"
        maxLength={300}
        hint="Everybody who is refused reads it. It can be changed: send the form again."
      />
      <Confirm>
        Nobody can download it any more, and it is in no list, until an administrator releases it. Owners see the
        reason.
      </Confirm>
      <button type="submit" class="danger">
        Quarantine
      </button>
    </PostForm>
  );
}

function QuarantineRow({ visit, one }: OfVisit & { readonly one: Quarantined }) {
  const { name, version, quarantine, category, by } = one;
  const what = version === null ? name : `${name} ${version}`;
  return (
    <tr>
      <td>
        <a href={`${visit.root}${version === null ? `packages/${name}` : tabPath(name, version, "")}`}>{what}</a>
        {version === null && <span class="hint"> all versions</span>}
      </td>
      <td class="long">
        <span class="badge plain">{category}</span> {quarantine.reason}
      </td>
      <td>
        <Day at={quarantine.at} />
        <p class="hint">by {by === null ? "the operator" : <a href={`${visit.root}${accountPath(by)}`}>{by}</a>}</p>
      </td>
      <td>
        <FoldedForm
          visit={visit}
          summary="Release…"
          action="admin/quarantine/release"
          subject={{ released: name, releasedVersion: version ?? "" }}
          button="Release"
        >
          <Confirm>Release {what}: everybody can find and download it again. The log records it.</Confirm>
        </FoldedForm>
      </td>
    </tr>
  );
}

function QuarantineTable({ visit, items }: OfVisit & { readonly items: readonly Quarantined[] }) {
  if (items.length === 0) return <p class="empty">Nothing is in quarantine.</p>;
  return (
    <TableRegion label="In quarantine">
      <thead>
        <tr>
          <th scope="col">What</th>
          <th scope="col">Reason</th>
          <th scope="col">Since</th>
          <th scope="col">
            <span class="hidden">Release</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {items.map((one) => (
          <QuarantineRow key={`${one.name} ${one.version}`} visit={visit} one={one} />
        ))}
      </tbody>
    </TableRegion>
  );
}

function AllowedNames({ visit, names }: OfVisit & { readonly names: readonly AllowedName[] }) {
  return (
    <section>
      <h2>Allowed names</h2>
      <p>A new package must not resemble the name of a popular one. A name that is listed here may.</p>
      {names.length > 0 && (
        <ul>
          {names.map(({ name, allowedAt }) => (
            <li key={name}>
              {name}{" "}
              <span class="hint">
                since <Day at={allowedAt} />
              </span>
            </li>
          ))}
        </ul>
      )}
      <PostForm visit={visit} action="admin/quarantine/names">
        <Field name="name" label="Allow a name" maxLength={64} />
        <button type="submit">Allow</button>
      </PostForm>
    </section>
  );
}

/** What is in quarantine, and the names that are allowed though they resemble others. */
export const quarantinePage: PageSpec = {
  audience: "admin",
  load: async (deps, visit) => {
    const [items, names] = await Promise.all([listQuarantined(deps), listAllowedNames(deps)]);
    return framedPage(visit, {
      current: "admin/quarantine",
      title: "Quarantine and names",
      children: (
        <>
          <section>
            <h2>In quarantine</h2>
            <QuarantineTable visit={visit} items={items} />
          </section>
          <section id="put">
            <h2>Put something in quarantine</h2>
            <QuarantineForm visit={visit} />
          </section>
          <AllowedNames visit={visit} names={names} />
        </>
      ),
    });
  },
};

interface Subject {
  readonly name: string;
  /** Empty for the whole package. */
  readonly version: string;
}

function subjectText({ name, version }: Subject): string {
  return version === "" ? name : `${name} ${version}`;
}

type Change = Parameters<typeof quarantinePackage>[3];

async function setQuarantine(deps: WebDeps, origin: Origin, { name, version }: Subject, change: Change): Promise<void> {
  const subject = packageNameParam(name);
  if (version === "") await quarantinePackage(deps, origin, subject, change);
  else await quarantineVersion(deps, origin, subject, version, change);
}

const fieldOf = (form: URLSearchParams, name: string) => (form.get(name) ?? "").trim();

/** The category, which the log records for good. Throws `validation_failed` if none was chosen. */
function categoryOf(form: URLSearchParams): string {
  const category = fieldOf(form, "category");
  if (category !== "") return category;
  throw fieldFault("category", "Choose the category.");
}

/** Quarantines a package or a version. */
export const quarantineAction: ActionSpec = {
  audience: "admin",
  page: quarantinePage,
  act: async (deps, visit, form, db) => {
    requireConfirmed(form);
    const { reason, category } = parseForm(QuarantineBody, {
      reason: fieldOf(form, "reason"),
      category: categoryOf(form),
    });
    const subject = { name: fieldOf(form, "package"), version: fieldOf(form, "version") };
    await setQuarantine({ ...deps, db }, visit.visitor.origin, subject, { reason, category });
    return { redirect: withNotice(visit, "admin/quarantine", "quarantined", subjectText(subject)) };
  },
};

/** Releases a package or a version from quarantine. */
export const releaseAction: ActionSpec = {
  audience: "admin",
  page: quarantinePage,
  act: async (deps, visit, form, db) => {
    requireConfirmed(form);
    const subject = { name: fieldOf(form, "released"), version: fieldOf(form, "releasedVersion") };
    await setQuarantine({ ...deps, db }, visit.visitor.origin, subject, undefined);
    return { redirect: withNotice(visit, "admin/quarantine", "released", subjectText(subject)) };
  },
};

/** Allows a name although it resembles a popular one. */
export const allowNameAction: ActionSpec = {
  audience: "admin",
  page: quarantinePage,
  act: async (deps, visit, form, db) => {
    const name = nameParam(fieldOf(form, "name"));
    await allowName({ ...deps, db }, visit.visitor.origin, name);
    return { redirect: withNotice(visit, "admin/quarantine", "name-allowed", name) };
  },
};
