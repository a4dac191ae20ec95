/** @jsxImportSource preact */
import { readLatestEvents } from "../../events/latest-events.ts";
import type { EventView } from "../../events/read-events.ts";
import type { PageSpec } from "../handlers.ts";
import type { OfVisit } from "../layout.tsx";
import { framedPage } from "./account-frame.tsx";
import { accountPath } from "./admin-accounts-page.tsx";
import { tabPath } from "./package-address.ts";
import { TableRegion } from "./table-region.tsx";
import { Moment } from "./texts.tsx";

const PAGE_SIZE = 100;
/** IDs of events are whole numbers far below this length. */
const ID = /^\d{1,15}$/;

/** Writes the details of an event in one line, such as `role admin, username ada`. */
function detailsText(details: EventView["details"]): string {
  if (details === null || typeof details !== "object") return String(details ?? "");
  const told = Object.entries(details).filter(([, value]) => value !== null && value !== undefined);
  const textOf = (value: unknown) => {
    if (Array.isArray(value)) return value.map(String).join(" ");
    return typeof value === "object" ? JSON.stringify(value) : String(value);
  };
  return told.map(([name, value]) => `${name} ${textOf(value)}`).join(", ");
}

function EventRow({ visit: { root }, event }: OfVisit & { readonly event: EventView }) {
  const { at, kind, user, package: name, version, details, address, tokenId } = event;
  const text = detailsText(details);
  return (
    <tr>
      <td>
        <Moment at={at} />
      </td>
      <td>
        <code>{kind}</code>
        {text !== "" && <p class="hint">{text}</p>}
      </td>
      <td>
        {name !== null && (
          <a href={`${root}${version === null ? `packages/${name}` : tabPath(name, version, "")}`}>
            {name} {version}
          </a>
        )}
      </td>
      <td>
        {user === null ? <span class="hint">no account</span> : <a href={`${root}${accountPath(user)}`}>{user}</a>}
        {(address !== null || tokenId !== null) && (
          <p class="hint">
            {address}
            {tokenId !== null && ", by an API token"}
          </p>
        )}
      </td>
    </tr>
  );
}

function EventTable({ visit, items }: OfVisit & { readonly items: readonly EventView[] }) {
  return (
    <TableRegion label="Events">
      <thead>
        <tr>
          <th scope="col">When</th>
          <th scope="col">What</th>
          <th scope="col">Package</th>
          <th scope="col">Who</th>
        </tr>
      </thead>
      <tbody>
        {items.map((event) => (
          <EventRow key={event.id} visit={visit} event={event} />
        ))}
      </tbody>
    </TableRegion>
  );
}

/** Every change of state, the newest first. */
export const eventsPage: PageSpec = {
  audience: "admin",
  load: async (deps, visit) => {
    const { query, root } = visit;
    const before = query.get("before") ?? "";
    const about = (query.get("package") ?? "").trim();
    const { items, next } = await readLatestEvents(deps, {
      before: ID.test(before) ? Number(before) : undefined,
      packageName: about === "" ? undefined : about,
      limit: PAGE_SIZE,
    });
    const older = new URLSearchParams({ ...(about === "" ? {} : { package: about }), before: String(next) });
    return framedPage(visit, {
      current: "admin/events",
      title: "Events",
      children: (
        <>
          <search>
            <form class="filters" action={`${root}admin/events`}>
              <label class="hidden" for="about">
                Name of a package
              </label>
              <input id="about" name="package" value={about} placeholder="Name of a package" maxLength={64} />
              <button type="submit">Show</button>
            </form>
          </search>
          {items.length === 0 ? (
            <p class="empty">No events{about === "" ? " yet" : ` of a package ${about}. Write its whole name`}.</p>
          ) : (
            <EventTable visit={visit} items={items} />
          )}
          {next !== null && (
            <p>
              <a href={`${root}admin/events?${older}`}>Older events</a>
            </p>
          )}
          <p class="hint">
            Programs follow the feed at <code>GET /api/events</code>, in the order in which events became final.
          </p>
        </>
      ),
    });
  },
};
