import { swagger } from "@elysiajs/swagger";
import { Elysia, t } from "elysia";
import { LoginAnswerSchema, UserAnswerSchema, UserSchema } from "../accounts/schemas.ts";
import { HealthSchema } from "../ops/routes.ts";
import { PACKAGE_PARAMETERS } from "../packages/docs.ts";
import {
  FileListSchema,
  PackageListSchema,
  PackageSchema,
  PackageSummarySchema,
  VersionSchema,
} from "../packages/schemas.ts";
import { SIGNATURE_SCHEMES } from "../signing/statement.ts";
import { VERSION } from "../version.ts";
import { openApiDocument } from "./openapi-document.ts";
import { isJsonObject } from "./openapi-schema.ts";
import { ProblemSchema } from "./schemas.ts";

const SignatureSchema = t.Object({
  scheme: t.Union(SIGNATURE_SCHEMES.map((scheme) => t.Literal(scheme))),
  keyId: t.String(),
  publicKey: t.String({ description: "Lower-case hex" }),
  signature: t.String({ description: "Base64" }),
  statement: t.Unsafe<string | null>({ type: "string", nullable: true, description: "The bytes that cpm-v1 signs" }),
});

const schemas = {
  Archive: t.Unsafe({ type: "string", format: "binary" }),
  FileList: FileListSchema,
  Health: HealthSchema,
  LoginAnswer: LoginAnswerSchema,
  Package: PackageSchema,
  PackageList: PackageListSchema,
  PackageSummary: PackageSummarySchema,
  Problem: ProblemSchema,
  Signature: SignatureSchema,
  Text: t.String(),
  User: UserSchema,
  UserAnswer: UserAnswerSchema,
  Version: VersionSchema,
};

const DESCRIPTION = `The package registry of CPM. Every address under /api is also under /api/v1.

Errors are RFC 9457 problems: act on \`code\`. Any address may also answer \`route_not_found\` (404) or
\`method_not_allowed\` (405, with Allow). Every answer carries X-Request-Id, and every GET has its HEAD.`;

const TAGS = [
  { name: "accounts", description: "Accounts and their sessions" },
  { name: "packages", description: "Publish, search, read, download and yank" },
  { name: "operations", description: "Health" },
];

const SESSION = {
  type: "http" as const,
  scheme: "bearer",
  bearerFormat: "JWT",
  description: "The token of POST /api/auth/login",
};

const HEAD_PATHS = ["/api/packages/{name}/{version}/download"];

/** `/swagger/json`: the OpenAPI description of every route that is not hidden. The page is `api-page.ts`. */
export function apiDescription(publicUrl: string) {
  const collector = swagger({
    path: "/swagger",
    specPath: "/swagger/json",
    exclude: [/^\/api\/v1\//, "/swagger", "/swagger/json"],
    documentation: {
      info: { title: "cpm-registry", version: VERSION, description: DESCRIPTION },
      servers: [{ url: publicUrl }],
      tags: TAGS,
      components: { securitySchemes: { session: SESSION }, schemas: JSON.parse(JSON.stringify(schemas)) },
    },
  });
  return new Elysia({ name: "api-description" })
    .onAfterHandle(({ response }) =>
      isJsonObject(response) && "openapi" in response
        ? openApiDocument(response, PACKAGE_PARAMETERS, HEAD_PATHS)
        : undefined,
    )
    .use(collector);
}
