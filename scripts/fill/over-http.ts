import { makePackage } from "../../test/support/archive-maker.ts";
import { Client, PASSWORD } from "../../test/support/client.ts";
import { type Account, type Drafts, draftOf } from "./drafts.ts";
import type { Report } from "./into-database.ts";

/**
 * Fills a running registry through its API, with accounts, signed archives, yanks, second owners
 * and deprecations. Times are those of the fill, and there are no downloads. The registry needs
 * `PUBLISH_LIMITS=off` and `REGISTRATIONS_PER_HOUR=1000000`.
 */
export async function fillOverHttp(url: string, drafts: Drafts, clients: number, report: Report): Promise<void> {
  const { plan } = drafts;
  const people = new People(url);
  let next = 0;
  let done = 0;
  // One client publishes all versions of a package, so that they come in ascending order.
  const publishing = async () => {
    for (let number = next++; number < plan.packages; number = next++) {
      done += await publishPackage(people, drafts, number);
      report("versions", done, plan.versions);
    }
  };
  await Promise.all(Array.from({ length: clients }, publishing));
  await deprecatePackages(people, drafts);
}

/** Accounts that are logged in. Each is registered when it is first used. */
class People {
  readonly #known = new Map<string, Promise<Client>>();

  constructor(readonly url: string) {}

  as(account: Account): Promise<Client> {
    const known = this.#known.get(account.username) ?? this.#join(account);
    this.#known.set(account.username, known);
    return known;
  }

  async #join({ username, email }: Account): Promise<Client> {
    const guest = new Client(this.url);
    await expectStatus(201, guest.post("/api/auth/register", { username, email, password: PASSWORD }));
    const { body } = await expectStatus(200, guest.post("/api/auth/login", { username, password: PASSWORD }));
    return new Client(this.url, body.token, username);
  }
}

async function expectStatus(status: number, answering: ReturnType<Client["get"]>) {
  const answer = await answering;
  if (answer.status !== status) throw new Error(`The registry answered ${answer.status}: ${answer.text.slice(0, 400)}`);
  return answer;
}

async function publishPackage(people: People, drafts: Drafts, number: number): Promise<number> {
  const { plan } = drafts;
  const text = drafts.package(number);
  const account = drafts.account(text.owners[0]);
  const publisher = await people.as(account);
  const address = `/api/packages/${text.name}`;
  let count = 0;
  for (let at = plan.firstOf[number] ?? 0; at <= (plan.lastOf[number] ?? 0); at += 1) {
    if (plan.packageOf[at] !== number) continue;
    const version = plan.versionText(at);
    await expectStatus(201, publisher.publish(text.name, version, makePackage(draftOf(text, version)), account.key));
    if (plan.yankedAt(at) !== null) {
      await expectStatus(200, publisher.send("DELETE", `${address}/${version}`, { reason: "broken" }));
    }
    count += 1;
  }
  for (const other of text.owners.slice(1)) {
    const invited = await people.as(drafts.account(other));
    for (const who of [publisher, invited]) {
      await expectStatus(200, who.send("PUT", `${address}/owners/${invited.username}`));
    }
  }
  return count;
}

/** Deprecates packages. This comes last, because the replacements have to be there. */
async function deprecatePackages(people: People, drafts: Drafts): Promise<void> {
  for (let number = 0; number < drafts.plan.packages; number += 1) {
    const { name, owners, replacement } = drafts.package(number);
    if (replacement === undefined) continue;
    const status = { status: "deprecated", message: "No longer maintained", replacement };
    const publisher = await people.as(drafts.account(owners[0]));
    await expectStatus(200, publisher.send("PUT", `/api/packages/${name}/status`, status));
  }
}
