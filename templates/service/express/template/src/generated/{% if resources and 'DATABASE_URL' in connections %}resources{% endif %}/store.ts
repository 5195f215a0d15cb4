/** Reads and writes the rows of a resource. */
import { type Kysely, sql } from "kysely";

import type { Tables } from "../database.ts";
import { after, conditions, type ListQuery, order, sortedBy } from "./lists.ts";
import type { Definition, Item } from "./resource.ts";

/** A row: what every item has, and its fields. */
export type Row = Item & Record<string, unknown>;

/** The rows of one resource. */
export class Store {
  readonly #db: Kysely<Record<string, Row>>;
  readonly #definition: Definition;
  readonly #tenant: string | undefined;

  constructor(db: Kysely<Tables>, definition: Definition, tenant: string | undefined) {
    this.#db = db as unknown as Kysely<Record<string, Row>>; // which table it is, the definition says
    this.#definition = definition;
    this.#tenant = definition.tenant ? tenant : undefined;
  }

  /** The rows that are asked for, one more than the limit, each with the value by which it is sorted. */
  list(asked: ListQuery): Promise<(Row & { sorted_by: string | null })[]> {
    let query = this.#rows();
    for (const condition of conditions(asked)) query = query.where(condition);
    const follows = after(asked, this.#definition);
    if (follows) query = query.where(follows);
    return query
      .select(sortedBy(asked).as("sorted_by"))
      .orderBy(order(asked))
      .limit(asked.limit + 1)
      .$castTo<Row & { sorted_by: string | null }>()
      .execute();
  }

  /** A row, or nothing; `lock` keeps others from changing it. */
  find(id: string, { lock = false } = {}): Promise<Row | undefined> {
    const query = this.#rows().where("id", "=", id);
    return (lock ? query.forUpdate() : query).executeTakeFirst();
  }

  insert(row: Row): Promise<Row> {
    const owner = this.#tenant === undefined ? {} : { tenant_id: this.#tenant };
    const values = this.#written({ ...row, ...owner });
    const query = this.#db.insertInto(this.#definition.table).values(values);
    return query.returningAll().$castTo<Row>().executeTakeFirstOrThrow();
  }

  update(id: string, changes: Record<string, unknown>): Promise<Row> {
    const query = this.#db
      .updateTable(this.#definition.table)
      .set({ ...this.#written(changes), row_version: sql`row_version + 1` });
    const changed = query.where("id", "=", id).returningAll().$castTo<Row>();
    return changed.executeTakeFirstOrThrow();
  }

  async remove(id: string): Promise<void> {
    await this.#db.deleteFrom(this.#definition.table).where("id", "=", id).execute();
  }

  #rows() {
    const rows = this.#db.selectFrom(this.#definition.table).selectAll().$castTo<Row>();
    return this.#tenant === undefined ? rows : rows.where("tenant_id", "=", this.#tenant);
  }

  /** JSON is written as JSON, whatever it is; everything else as it is. */
  #written(values: Record<string, unknown>): Record<string, unknown> {
    const entries = Object.entries(values).map(([name, value]) => {
      const isJson = this.#definition.kinds[name] === "json" && value !== null;
      return [name, isJson ? sql`${JSON.stringify(value)}::jsonb` : value] as const;
    });
    return Object.fromEntries(entries);
  }
}
