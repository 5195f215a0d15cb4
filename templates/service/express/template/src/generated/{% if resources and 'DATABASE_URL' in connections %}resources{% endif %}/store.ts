/** Reads and writes the rows of a resource. */
import { type Kysely, sql } from "kysely";

import type { Tables } from "../database.ts";
import type { Definition, Item } from "./resource.ts";

/** A row: what every item has, and its fields. */
export type Row = Item & Record<string, unknown>;

/** The rows of one resource. */
export class Store {
  readonly #db: Kysely<Record<string, Row>>;
  readonly #definition: Definition;

  constructor(db: Kysely<Tables>, definition: Definition) {
    this.#db = db as unknown as Kysely<Record<string, Row>>; // which table it is, the definition says
    this.#definition = definition;
  }

  /** The oldest rows after a cursor. */
  list(limit: number, cursor: string | undefined): Promise<Row[]> {
    const query = this.#rows().orderBy("id").limit(limit);
    return (cursor === undefined ? query : query.where("id", ">", cursor)).execute();
  }

  /** A row, or nothing; `lock` keeps others from changing it. */
  find(id: string, { lock = false } = {}): Promise<Row | undefined> {
    const query = this.#rows().where("id", "=", id);
    return (lock ? query.forUpdate() : query).executeTakeFirst();
  }

  insert(row: Row): Promise<Row> {
    const query = this.#db.insertInto(this.#definition.table).values(this.#written(row));
    return query.returningAll().$castTo<Row>().executeTakeFirstOrThrow();
  }

  update(id: string, changes: Record<string, unknown>): Promise<Row> {
    const query = this.#db.updateTable(this.#definition.table).set(this.#written(changes));
    const changed = query.where("id", "=", id).returningAll().$castTo<Row>();
    return changed.executeTakeFirstOrThrow();
  }

  async remove(id: string): Promise<void> {
    await this.#db.deleteFrom(this.#definition.table).where("id", "=", id).execute();
  }

  #rows() {
    return this.#db.selectFrom(this.#definition.table).selectAll().$castTo<Row>();
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
