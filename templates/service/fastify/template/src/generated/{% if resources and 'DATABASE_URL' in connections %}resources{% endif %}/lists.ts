/** Lists: which rows, in which order, and how many. */
import { type Expression, sql, type SqlBool } from "kysely";
import { type TSchema, Type } from "typebox";

import { Problem } from "../errors.ts";
import type { Definition, Item } from "./resource.ts";

const OPERATORS = { gt: ">", gte: ">=", lt: "<", lte: "<=" } as const;
const OWN = new Set(["limit", "cursor", "sort"]);
const TIMES = { created_at: "datetime", updated_at: "datetime" };
const BOUNDED = new Set(["int", "float", "money", "date", "datetime"]);
const SORTABLE = new Set([...BOUNDED, "string", "enum"]);
const EQUAL = new Set([...SORTABLE, "bool", "uuid", "ref"]);

/** What is asked of a list. */
export interface ListQuery extends Readonly<Record<string, unknown>> {
  readonly limit: number;
  readonly cursor?: string;
  readonly sort?: string;
}

/** Where a part ends: its order, the value there, and the identifier. */
type Place = readonly [sort: string | null, value: string | null, id: string];

/** The parameters of a resource's list. */
export function querySchema({ item, kinds }: Definition): TSchema {
  const parameters: Record<string, TSchema> = {
    limit: Type.Integer({
      minimum: 1,
      maximum: 100,
      default: 20,
      description: "How many to return",
    }),
    cursor: Type.Optional(Type.String({ description: "`next_cursor` of the part before" })),
  };
  const orders: string[] = [];
  for (const [name, kind] of Object.entries({ ...kinds, ...TIMES })) {
    const schema = plain(item.properties[name]);
    if (SORTABLE.has(kind)) orders.push(name, `-${name}`);
    if (EQUAL.has(kind) && !OWN.has(name) && !(name in TIMES)) {
      parameters[name] = Type.Optional(Type.Array(schema, { description: "Any of these" }));
    }
    if (!BOUNDED.has(kind)) continue;
    for (const bound of Object.keys(OPERATORS)) {
      parameters[`${name}.${bound}`] = Type.Optional(schema);
    }
  }
  parameters["sort"] = Type.Optional(Type.Unsafe<string>({ type: "string", enum: orders }));
  return Type.Object(parameters, { additionalProperties: false });
}

/** A field's schema without null, and amounts as text only. */
function plain(schema: TSchema | undefined): TSchema {
  const { anyOf } = (schema ?? {}) as { anyOf?: TSchema[] };
  return anyOf?.[0] ? plain(anyOf[0]) : (schema ?? Type.Unknown());
}

/** The conditions of the filters. */
export function* conditions(query: ListQuery): Generator<Expression<SqlBool>> {
  for (const [parameter, value] of Object.entries(query)) {
    if (OWN.has(parameter)) continue;
    const [name = "", bound] = parameter.split(".");
    const operator = sql.raw(bound ? OPERATORS[bound as keyof typeof OPERATORS] : "in");
    const values = bound ? sql`${value}` : sql`(${sql.join(value as unknown[])})`;
    yield sql<SqlBool>`${sql.ref(name)} ${operator} ${values}`;
  }
}

/** The order of the rows: what is empty last, and what is equal by age. */
export function order({ sort }: ListQuery) {
  if (sort === undefined) return sql`id`;
  return sql`${column(sort)} ${sql.raw(sort.startsWith("-") ? "DESC" : "ASC")} NULLS LAST, id`;
}

/** The condition that rows follow on the cursor. */
export function after(query: ListQuery, { kinds }: Definition): Expression<SqlBool> | undefined {
  if (query.cursor === undefined) return undefined;
  const { sort } = query;
  const [value, id] = read(query.cursor, sort, { ...kinds, ...TIMES });
  const later = sql<SqlBool>`id > ${id}`;
  if (sort === undefined) return later;
  const field = column(sort);
  if (value === null) return sql<SqlBool>`(${field} IS NULL AND ${later})`;
  const beyond = sql.raw(sort.startsWith("-") ? "<" : ">");
  return sql<SqlBool>`(${field} ${beyond} ${value} OR ${field} = ${value} AND ${later} OR ${field} IS NULL)`;
}

/** The value by which a row is sorted, as text. */
export function sortedBy({ sort }: ListQuery) {
  return sort === undefined
    ? sql<null>`NULL`
    : sql<string | null>`to_json(${column(sort)}) #>> '{}'`;
}

/** Where the next part begins: after this row. */
export function cursorAfter({ sort }: ListQuery, row: Item & { sorted_by: string | null }): string {
  const place: Place = [sort ?? null, row.sorted_by, row.id];
  return Buffer.from(JSON.stringify(place)).toString("base64url");
}

function column(sort: string) {
  return sql.ref(sort.replace(/^-/, ""));
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function read(
  cursor: string,
  sort: string | undefined,
  kinds: Definition["kinds"],
): readonly [value: string | null, id: string] {
  try {
    const [said, value, id] = JSON.parse(Buffer.from(cursor, "base64url").toString()) as Place;
    const kind = kinds[sort?.replace(/^-/, "") ?? ""] ?? "string";
    const fits = said === (sort ?? null) && UUID.test(id) && (value === null || isOf(kind, value));
    if (fits) return [value, id];
  } catch {
    // said below
  }
  const detail = "is not a cursor of this list and order";
  const members = { errors: [{ in: "query", pointer: "/cursor", detail }] };
  throw new Problem(422, "The request is not valid.", { members });
}

function isOf(kind: string, value: string): boolean {
  if (["string", "enum"].includes(kind)) return true;
  return !Number.isNaN(kind.startsWith("date") ? Date.parse(value) : Number(value));
}
