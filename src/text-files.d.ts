/*
 * Files imported with `{ type: "text" }` give their text, with `{ type: "file" }` a path that
 * `Bun.file` opens.
 */

declare module "*.sql" {
  const text: string;
  export default text;
}

declare module "*/api-page.html" {
  const text: string;
  export default text;
}

declare module "swagger-ui-dist/*" {
  const path: string;
  export default path;
}

declare module "*.css" {
  const text: string;
  export default text;
}

declare module "*.svg" {
  const text: string;
  export default text;
}

declare module "*.browser.js" {
  const text: string;
  export default text;
}
