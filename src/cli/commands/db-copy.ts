import { defineCommand } from "../command.ts";
import { JSON_OPTION } from "../shared-options.ts";

/** `db copy` moves the database of a stopped registry to another one, of either kind. */
export const dbCopyCommand = defineCommand({
  name: "db copy",
  summary: "copy a stopped registry's database into an empty one, SQLite or Postgres",
  options: {
    from: { type: "string", value: "<database>", required: true, description: "the database to read" },
    to: { type: "string", value: "<database>", required: true, description: "the empty database to fill" },
    json: JSON_OPTION,
  },
  arguments: [],
  help: {
    description: `Copies every row into an empty database, as one transaction: if the command fails or is killed, the
      database to fill stays empty. What searches need is made anew. Every answer of the registry stays the same to the
      byte, and so does its log. Archives are not in the database; storage copy copies them.

      Afterwards the database to read is marked as moved: no server starts on it and no command uses it, unless you
      give the copy up with admin read-only off --yes. So nothing works on the old one by mistake.

      Stop the registry on every machine first, or let it serve reads meanwhile with admin read-only on: the copy
      is read-only too then. The command is refused while a registry may change the database to read, if the database
      to fill is not empty, and if the database to read is not up to date.

      Run it as the user of the registry. Root becomes the owner of the directory of a SQLite file first.`,
    sections: [
      {
        title: "Databases",
        rows: [
          ["postgres://…", "a Postgres, in the form of DATABASE_URL; other users see the password while it runs"],
          ["registry.db", "a file of SQLite; one to fill must not exist"],
          ["App_Data", "a directory, for the registry.db in it"],
          ["other.json", "a settings file, to which the environment does not apply"],
        ],
      },
    ],
    failure: "the copy was refused or failed",
    examples: ["cpm-registry db copy --from App_Data --to postgres.json"],
  },
  run: async ({ from, to, json }) => {
    const { dbCopy } = await import("../db-copy.ts");
    return dbCopy({ from, to, json });
  },
});
