/** What a resource is: what is stored, which operations there are, and which rules apply. */
import type { TObject, TSchema } from "typebox";

import type { Context } from "../runtime.ts";

/** One thing that is stored. */
export interface Item {
  id: string;
  row_version: number;
  created_at: string;
  updated_at: string;
}

/** A resource as the blueprint describes it. */
export interface Definition {
  readonly name: string;
  readonly plural: string;
  readonly table: string;
  readonly path: string;
  /** The identifier's name in paths. */
  readonly parameter: string;
  readonly item: TObject;
  /** Whether each row belongs to a tenant. */
  readonly tenant?: true;
  /** The operations that there are, with the bodies that they take. */
  readonly operations: {
    readonly list?: true;
    readonly get?: true;
    readonly create?: TSchema;
    readonly update?: TSchema;
    readonly delete?: true;
  };
  /** The kind of each field, in the blueprint's words. */
  readonly kinds: Readonly<Record<string, string>>;
  /** Which states may follow on each. */
  readonly states?: {
    readonly field: string;
    readonly after: Readonly<Record<string, Readonly<Record<string, true>>>>;
  };
  readonly events?: {
    readonly created?: string;
    readonly updated?: string;
    readonly deleted?: string;
  };
}

/** Rules of a resource; each runs inside the transaction, so that what it throws undoes the change. */
export interface ResourceHooks<Kept extends Item = Item> {
  /** Check or complete it before it is stored. */
  beforeCreate?(context: Context, item: Kept): Promise<void>;
  /** Do what follows from it. */
  afterCreate?(context: Context, item: Kept): Promise<void>;
  /** Check or complete the changes before they are made. */
  beforeUpdate?(context: Context, item: Kept, changes: Partial<Kept>): Promise<void>;
  /** Do what follows from the changes. */
  afterUpdate?(context: Context, item: Kept): Promise<void>;
  /** Check that it may go. */
  beforeDelete?(context: Context, item: Kept): Promise<void>;
  /** Do what follows from its end. */
  afterDelete?(context: Context, item: Kept): Promise<void>;
  /** Say what its events carry; all of it, if there is no such rule. */
  eventData?(item: Kept): object;
}
