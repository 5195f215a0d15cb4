/** Which values can be kept: PostgreSQL stores them, and everybody reads them. */

const MAX_DEPTH = 100;

/** What keeps a value of a kind from being stored; nothing when it can be. */
export function unstorable(kind: string | undefined, value: unknown): string | undefined {
  if (kind === "json") return unkept(value);
  if (typeof value !== "string") return undefined;
  if (kind === "date" && value < "0001") return "must be a date of the years 1 to 9999";
  if (kind !== "datetime") return undefined;
  const year = new Date(value).getUTCFullYear();
  return year >= 1 && year <= 9999 ? undefined : "must be a time of the years 1 to 9999 in UTC";
}

function unkept(value: unknown, depth = 0): string | undefined {
  if (depth > MAX_DEPTH) return `must not be nested more than ${MAX_DEPTH} deep`;
  if (typeof value === "number") {
    return Number.isFinite(value) ? undefined : "must be a finite number";
  }
  if (typeof value === "string") {
    if (value.includes("\0")) return "must not contain the character NUL";
    return value.isWellFormed() ? undefined : "must not contain half of a surrogate pair";
  }
  if (typeof value !== "object" || value === null) return undefined;
  const within: unknown[] = Array.isArray(value) ? value : Object.entries(value).flat();
  for (const inner of within) {
    const fault = unkept(inner, depth + 1);
    if (fault !== undefined) return fault;
  }
  return undefined;
}
