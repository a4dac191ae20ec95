/*
 * `npm run generate` writes the files of the repository that are made from others:
 * src/db/migrations.gen.ts, which embeds all migrations in the binary, docs/settings.md and
 * docs/cli.md.
 * `npm run generate <name>` first lets drizzle-kit write migrations for both databases from their
 * tables.
 */
import { join } from "node:path";
import { cliDocument } from "./cli-document.ts";
import { settingsDocument } from "./settings-document.ts";

const ROOT = join(import.meta.dir, "..");
const DIALECTS = ["sqlite", "postgres"] as const;

interface Journal {
  readonly entries: readonly { readonly idx: number; readonly tag: string }[];
}

async function drizzleKit(dialect: string, name: string): Promise<void> {
  const command = [
    "node_modules/.bin/drizzle-kit",
    "generate",
    "--config",
    `drizzle.config.${dialect}.ts`,
    "--name",
    name,
  ];
  const child = Bun.spawn([process.execPath, ...command], { cwd: ROOT, stdout: "inherit", stderr: "inherit" });
  if ((await child.exited) !== 0) throw new Error(`drizzle-kit failed for ${dialect}`);
}

/** Returns the text of src/db/migrations.gen.ts for the migrations under drizzle/. */
export async function migrationIndex(): Promise<string> {
  const imports: string[] = [];
  const lists: string[] = [];
  for (const dialect of DIALECTS) {
    const journal: Journal = await Bun.file(join(ROOT, "drizzle", dialect, "meta", "_journal.json")).json();
    const rows = journal.entries.map(({ tag }) => {
      const variable = `${dialect}_${tag}`;
      imports.push(`import ${variable} from "../../drizzle/${dialect}/${tag}.sql" with { type: "text" };`);
      return `    { name: ${JSON.stringify(tag)}, sql: ${variable} },`;
    });
    lists.push(`  ${dialect}: [\n${rows.join("\n")}\n  ],`);
  }
  return [
    "/* Written by scripts/generate.ts from drizzle/. The SQL is embedded, because a compiled binary has no folder to read. */",
    ...imports,
    "",
    "/** The migrations of each database, oldest first. */",
    `export const MIGRATIONS = {\n${lists.join("\n")}\n} as const;\n`,
  ].join("\n");
}

if (import.meta.main) {
  const name = process.argv[2];
  if (name !== undefined) for (const dialect of DIALECTS) await drizzleKit(dialect, name);
  await Bun.write(join(ROOT, "src/db/migrations.gen.ts"), await migrationIndex());
  await Bun.write(join(ROOT, "docs/settings.md"), settingsDocument());
  await Bun.write(join(ROOT, "docs/cli.md"), cliDocument());
}
