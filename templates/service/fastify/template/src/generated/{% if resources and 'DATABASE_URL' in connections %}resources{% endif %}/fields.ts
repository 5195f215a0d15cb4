/** The kinds of fields that a blueprint knows, as schemas. */
import { type Static, type TObject, type TProperties, type TSchema, Type } from "typebox";

export const integer = Type.Integer({
  minimum: Number.MIN_SAFE_INTEGER,
  maximum: Number.MAX_SAFE_INTEGER,
});
export const float = Type.Number();
export const bool = Type.Boolean();
export const date = Type.String({ format: "date" });
export const datetime = Type.String({ format: "date-time" });
export const uuid = Type.String({ format: "uuid" });
export const json = Type.Unknown();

/** An amount, exact: text with two decimals; a number will do where one is sent. */
export const money = Type.Unsafe<string>({
  anyOf: [
    { type: "string", pattern: String.raw`^-?\d{1,16}(\.\d{1,2})?$` },
    { type: "number", multipleOf: 0.01, minimum: -1e13, maximum: 1e13 },
  ],
});

/** A text; NUL is the one character that PostgreSQL does not store. */
export function text(maxLength: number) {
  return Type.String({ maxLength, pattern: String.raw`^[^\u0000]*$` });
}

/** One of some words. */
export function oneOf<Words extends Record<string, string>>(words: Words) {
  return Type.Unsafe<Words[keyof Words]>({ type: "string", enum: Object.values(words) });
}

/** A field that may be null. */
export function nullable<Schema extends TSchema>(schema: Schema) {
  return Type.Union([schema, Type.Null()]);
}

/** A field that may be absent, and is then this value. */
export function withDefault<Schema extends TSchema>(schema: Schema, value: Static<Schema>) {
  return Type.Optional(Type.Unsafe<Static<Schema>>({ ...schema, default: value }));
}

/** What is stored: the fields, who it is, and since when. Its version is its ETag, and no field. */
export function stored<Fields extends TProperties>(fields: Fields) {
  return Type.Object({ id: uuid, ...fields, created_at: datetime, updated_at: datetime });
}

/** What is stored, with its version. */
export type Stored<Item extends TSchema> = Static<Item> & { row_version: number };

/** A body that holds these fields and no other. */
export function body<Fields extends TProperties>(fields: Fields): TObject<Fields> {
  return Type.Object(fields, { additionalProperties: false });
}

/** A body with changes: any of these fields, and no other. */
export function changes<Fields extends TProperties>(fields: Fields) {
  return Type.Partial(Type.Object(fields), { additionalProperties: false });
}
