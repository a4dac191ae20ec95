/** @jsxImportSource preact */
import type { ComponentChildren } from "preact";
import type { OfVisit, Page } from "../layout.tsx";
import type { Visit } from "../visit.ts";

/** The pages of an account, in their order: the address below the root, and what its link says. */
const PARTS = [
  ["account", "Packages"],
  ["account/tokens", "API tokens"],
  ["account/keys", "Signing keys"],
  ["account/webhooks", "Webhooks"],
  ["account/security", "Password and sessions"],
] as const;

/** The pages of administrators. */
const ADMIN_PARTS = [
  ["admin", "Health"],
  ["admin/accounts", "Accounts"],
  ["admin/invitations", "Invitations"],
  ["admin/quarantine", "Quarantine and names"],
  ["admin/events", "Events"],
] as const;

/** The address of a page with the navigation of its kind. */
export type Part = (typeof PARTS)[number][0] | (typeof ADMIN_PARTS)[number][0];

interface FrameProps extends OfVisit {
  readonly current: Part;
  readonly title: string;
  readonly children: ComponentChildren;
}

function Frame({ visit, current, title, children }: FrameProps) {
  const isAdmin = current.startsWith("admin");
  return (
    <>
      <h1>{title}</h1>
      <nav class="tabs" aria-label={isAdmin ? "Administration" : "Account"}>
        {(isAdmin ? ADMIN_PARTS : PARTS).map(([address, label]) => (
          <a key={address} href={`${visit.root}${address}`} aria-current={address === current ? "page" : undefined}>
            {label}
          </a>
        ))}
      </nav>
      {children}
    </>
  );
}

/** Makes a page of an account, or of administrators, with the navigation of all of them. */
export function framedPage(
  visit: Visit,
  { current, title, children }: Pick<FrameProps, "current" | "title" | "children">,
): Page {
  return {
    title,
    body: (
      <Frame visit={visit} current={current} title={title}>
        {children}
      </Frame>
    ),
  };
}
