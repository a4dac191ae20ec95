/** @jsxImportSource preact */
import { readLatestEvents } from "../../events/latest-events.ts";
import type { EventView } from "../../events/read-events.ts";
import type { PageSpec } from "../handlers.ts";
import type { OfVisit } from "../layout.tsx";
import { framedPage } from "./account-frame.tsx";
import { accountPath } from "./admin-accounts-page.tsx";
import { EventSentence } from "./event-sentence.tsx";
import { TableRegion } from "./table-region.tsx";
import { Moment } from "./texts.tsx";

const PAGE_SIZE = 100;
/** IDs of events are whole numbers far below this length. */
const ID = /^\d{1,15}$/;

/** What the feed has of an event, for whoever needs more than the sentence. */
function Data({ event: { id, kind, details, tokenId } }: { readonly event: EventView }) {
  const data = { id, kind, ...(tokenId !== null && { tokenId }), details };
  return (
    <details class="data">
      <summary>
        Data<span class="hidden"> of event {id}</span>
      </summary>
      <pre tabindex={0}>{JSON.stringify(data, null, 2)}</pre>
    </details>
  );
}

function EventRow({ visit, event }: OfVisit & { readonly event: EventView }) {
  const { at, user, address, tokenId } = event;
  return (
    <tr>
      <td>
        <Moment at={at} />
      </td>
      <td class="long">
        <EventSentence visit={visit} event={event} />
        <Data event={event} />
      </td>
      <td>
        {user === null ? (
          <span class="hint">no account</span>
        ) : (
          <a href={`${visit.root}${accountPath(user)}`}>{user}</a>
        )}
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
          <th scope="col">What happened</th>
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
