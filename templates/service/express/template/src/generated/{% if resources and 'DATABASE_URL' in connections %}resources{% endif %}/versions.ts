/** Versions of rows, as ETags: what has changed since, and what has not. */
import { Type } from "typebox";

import { Problem } from "../errors.ts";

const TAG = { ETag: { type: "string", description: "Its version" } };

/** A response that has an ETag, as the description says it. */
export function tagged<Schema extends object>(schema: Schema): Schema {
  return { ...schema, headers: TAG };
}

export const IfMatch = {
  "if-match": Type.Optional(
    Type.String({
      description: "`ETag` of the version that is meant; 412 if there is another by now",
    }),
  ),
};
export const IfNoneMatch = {
  "if-none-match": Type.Optional(
    Type.String({
      description: "`ETag` of the version that is known; 304 if it is the current one",
    }),
  ),
};

/** The ETag of a version. */
export function etag(version: number): string {
  return `"${version}"`;
}

/** Whether the caller has this version. */
export function isKnown(ifNoneMatch: string | undefined, version: number): boolean {
  return tags(ifNoneMatch).some((tag) => tag === "*" || tag.replace(/^W\//, "") === etag(version));
}

/** Refuse a change of another version than the caller means; a weak tag means none. */
export function checkMatch(ifMatch: string | undefined, version: number): void {
  const meant = tags(ifMatch);
  if (meant.length === 0 || meant.includes("*") || meant.includes(etag(version))) return;
  throw new Problem(412, "It has changed since.");
}

function tags(header: string | undefined): string[] {
  return header === undefined ? [] : header.split(",").map((tag) => tag.trim());
}
