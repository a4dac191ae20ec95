/** @jsxImportSource preact */
import { type AccountLink, invitationAddress, inviteAccount } from "../../accounts/account-links.ts";
import { listAccountInvitations, type OpenInvitation } from "../../accounts/list-account-invitations.ts";
import { InvitationBody } from "../../accounts/schemas.ts";
import { withdrawAccountInvitation } from "../../accounts/withdraw-account-invitation.ts";
import { parseForm } from "../../http/validate.ts";
import type { ActionSpec, PageSpec } from "../handlers.ts";
import type { OfVisit, Page } from "../layout.tsx";
import { withNotice } from "../notices.tsx";
import type { Visit } from "../visit.ts";
import { framedPage } from "./account-frame.tsx";
import { Confirm, Field, FoldedForm, PostForm, Result, requireConfirmed, Select } from "./form-parts.tsx";
import { TableRegion } from "./table-region.tsx";
import { Command, Day } from "./texts.tsx";

const PATH = "admin/invitations";
const EXPIRIES = [1, 7, 30, 90].map((days) => [String(days), days === 1 ? "1 day" : `${days} days`] as const);
const EXPIRES_DEFAULT = "7";

function whom(email: string | null): string {
  return email ?? "whoever has the link";
}

function InvitationRow({
  visit,
  one: { id, email, createdAt, expiresAt },
}: OfVisit & { readonly one: OpenInvitation }) {
  return (
    <tr>
      <td>{email ?? <span class="hint">whoever has the link</span>}</td>
      <td>
        <Day at={createdAt} />
      </td>
      <td>
        <Day at={expiresAt} />
      </td>
      <td>
        <FoldedForm
          visit={visit}
          summary="Withdraw…"
          action={`${PATH}/withdraw`}
          subject={{ id, email: email ?? "" }}
          button="Withdraw the invitation"
        >
          <Confirm>Withdraw the invitation for {whom(email)}: its link makes no account any more.</Confirm>
        </FoldedForm>
      </td>
    </tr>
  );
}

function Invitations({ visit, items }: OfVisit & { readonly items: readonly OpenInvitation[] }) {
  if (items.length === 0) return <p class="empty">No invitation is open. Make a link for each person below.</p>;
  return (
    <TableRegion label="Open invitations">
      <thead>
        <tr>
          <th scope="col">For</th>
          <th scope="col">Made</th>
          <th scope="col">Open until</th>
          <th scope="col">
            <span class="hidden">Withdraw</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {items.map((one) => (
          <InvitationRow key={one.id} visit={visit} one={one} />
        ))}
      </tbody>
    </TableRegion>
  );
}

function MakeInvitation({ visit }: OfVisit) {
  return (
    <section>
      <h2>Invite somebody</h2>
      <PostForm visit={visit} action={PATH}>
        <Field
          name="email"
          label="E-mail address (may be empty)"
          type="email"
          required={false}
          maxLength={254}
          hint="The only address that may use the link. Without one, whoever has the link may. No e-mail is sent."
        />
        <Select name="days" label="How long the link is valid" value={EXPIRES_DEFAULT} choices={EXPIRIES} />
        <button type="submit" class="primary">
          Make the link
        </button>
      </PostForm>
    </section>
  );
}

/** The open invitations to make an account, and the form that makes one. */
export const invitationsPage: PageSpec = {
  audience: "admin",
  load: async (deps, visit) => {
    const items = await listAccountInvitations(deps);
    const isOpen = deps.config.registration === "open";
    return framedPage(visit, {
      current: PATH,
      title: "Invitations",
      children: (
        <>
          <p>
            A link lets one person make one account.{" "}
            {isOpen
              ? "Registration is open here, so everybody can make an account without one, too."
              : "Registration is closed here, so nobody can make an account without one."}
          </p>
          <Invitations visit={visit} items={items} />
          <MakeInvitation visit={visit} />
        </>
      ),
    });
  },
};

/** Shows a new invitation, which nobody can look up later. */
function newInvitationPage(visit: Visit, { token, expiresAt }: AccountLink, email: string | undefined): Page {
  const { base, root } = visit;
  return framedPage(visit, {
    current: PATH,
    title: email === undefined ? "A new invitation" : `Invitation for ${email}`,
    children: (
      <>
        <Result>
          <strong>Copy it now</strong> and send it{email === undefined ? "" : ` to ${email}`} on a channel that you
          trust. It is shown once, and makes one account until <Day at={expiresAt.toISOString()} />.
        </Result>
        <Command text={invitationAddress(base, token)} label="the link of the invitation" isPlain />
        <p>Or, for somebody who uses the client:</p>
        <Command
          text={`cpm-registry register ${base} --invitation ${token}`}
          label="the command that registers with the invitation"
        />
        <p>
          <a class="button" href={`${root}${PATH}`}>
            All invitations
          </a>
        </p>
      </>
    ),
  });
}

/** Makes an invitation, and shows its link once. */
export const inviteAction: ActionSpec = {
  audience: "admin",
  page: invitationsPage,
  act: async (deps, visit, form, db) => {
    const typed = (form.get("email") ?? "").trim();
    const body = { days: Number(form.get("days")), ...(typed !== "" && { email: typed }) };
    const { email, days } = parseForm(InvitationBody, body);
    return newInvitationPage(visit, await inviteAccount({ ...deps, db }, visit.visitor.origin, { email, days }), email);
  },
};

/** Withdraws an invitation. */
export const withdrawInvitationAction: ActionSpec = {
  audience: "admin",
  page: invitationsPage,
  act: async (deps, visit, form, db) => {
    requireConfirmed(form);
    await withdrawAccountInvitation({ ...deps, db }, visit.visitor.origin, form.get("id") ?? "");
    const email = form.get("email") || null;
    return { redirect: withNotice(visit, PATH, "account-invitation-withdrawn", whom(email)) };
  },
};
