import type { Body, Operation, Parameter } from "./operation.ts";

/** What may be uploaded; a `File` brings its name. */
export type Upload = Blob | Uint8Array | ArrayBuffer;

export type Given = Readonly<Record<string, unknown>>;

const JOINED: Record<string, string> = { spaceDelimited: " ", pipeDelimited: "|" };
const RESERVED = /%(?:3A|2F|3F|23|5B|5D|40|21|24|26|27|28|29|2A|2B|2C|3B|3D)/g;

function quoted(text: string, reserved = false): string {
  const strict = encodeURIComponent(text).replace(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return reserved ? strict.replace(RESERVED, (code) => decodeURIComponent(code)) : strict;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** A value as text: dates in ISO 8601, objects as JSON. */
export function text(value: unknown): string {
  if (value instanceof Date) return value.toISOString();
  return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);
}

function flat(value: unknown, explode: boolean): string[] {
  if (isObject(value)) {
    const known = Object.entries(value).filter(([, item]) => item !== undefined);
    return explode
      ? known.map(([key, item]) => `${key}=${text(item)}`)
      : known.flatMap(([key, item]) => [key, text(item)]);
  }
  return Array.isArray(value) ? value.map(text) : [text(value)];
}

function inPath(parameter: Parameter, value: unknown): string {
  const parts = parameter.json ? [text(value)] : flat(value, parameter.explode);
  const named = isObject(value) && parameter.explode && !parameter.json;
  const encoded = parts.map((part) => (named ? quoted(part).replace(/%3D/, "=") : quoted(part)));
  if (parameter.style === "label") return `.${encoded.join(parameter.explode ? "." : ",")}`;
  if (parameter.style === "matrix") {
    if (!parameter.explode) return `;${parameter.name}=${encoded.join(",")}`;
    return encoded.map((part) => (named ? `;${part}` : `;${parameter.name}=${part}`)).join("");
  }
  const joined = encoded.join(",");
  if (joined === "" || joined === "." || joined === "..") {
    throw new TypeError(`${parameter.name} must not be ${JSON.stringify(joined)}: it is part of the path`);
  }
  return joined;
}

function deep(name: string, value: unknown): [string, string][] {
  if (isObject(value)) return Object.entries(value).flatMap(([key, item]) => deep(`${name}[${key}]`, item));
  if (Array.isArray(value)) return value.map((item) => [name, text(item)]);
  return value === undefined ? [] : [[name, text(value)]];
}

function pairs(parameter: Parameter, value: unknown): [string, string][] {
  if (parameter.json) return [[parameter.name, text(value)]];
  if (parameter.style === "deepObject" && isObject(value)) return deep(parameter.name, value);
  if (isObject(value)) {
    if (!parameter.explode) return [[parameter.name, flat(value, false).join(",")]];
    return Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .map(([key, item]) => [key, text(item)]);
  }
  if (Array.isArray(value)) {
    if (parameter.explode) return value.map((item) => [parameter.name, text(item)]);
    return [[parameter.name, value.map(text).join(JOINED[parameter.style] ?? ",")]];
  }
  return [[parameter.name, text(value)]];
}

function form(found: [string, string][], reserved = false): string {
  return found.map(([name, value]) => `${quoted(name)}=${quoted(value, reserved)}`).join("&");
}

function inQuery(parameter: Parameter, value: unknown): string {
  const joint = parameter.style === "form" ? "," : JOINED[parameter.style];
  if (typeof value === "object" && joint !== undefined && !parameter.explode && !parameter.json) {
    const parts = flat(value, false).map((part) => quoted(part, parameter.reserved));
    return `${quoted(parameter.name)}=${parts.join(joint === "," ? joint : quoted(joint))}`;
  }
  return form(pairs(parameter, value), parameter.reserved);
}

/** The path with its query, and the headers, of an operation that is given these values by `location:name`. */
export function target(operation: Operation, given: Given): { path: string; headers: Record<string, string> } {
  let path = operation.path;
  const query: string[] = [];
  const cookies: string[] = [];
  const headers: Record<string, string> = {};
  for (const parameter of operation.parameters) {
    const value = given[`${parameter.in}:${parameter.name}`];
    if (value === undefined || value === null) continue;
    switch (parameter.in) {
      case "path":
        path = path.split(`{${parameter.name}}`).join(inPath(parameter, value));
        break;
      case "header":
        headers[parameter.name] = parameter.json ? text(value) : flat(value, parameter.explode).join(",");
        break;
      case "cookie":
        cookies.push(...pairs(parameter, value).map(([name, item]) => `${quoted(name)}=${quoted(item)}`));
        break;
      case "querystring":
        query.push(parameter.json ? quoted(text(value)) : form(fields(value)));
        break;
      default:
        query.push(inQuery(parameter, value));
    }
  }
  if (cookies.length > 0) headers["Cookie"] = cookies.join("; ");
  const joined = query.filter((part) => part !== "").join("&");
  return { path: joined === "" ? path : `${path}?${joined}`, headers };
}

function fields(value: unknown): [string, string][] {
  if (!isObject(value)) return [];
  return Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .flatMap(([name, item]) => (Array.isArray(item) ? item : [item]).map((part): [string, string] => [name, text(part)]));
}

function blob(value: unknown): Blob | undefined {
  if (value instanceof Blob) return value;
  return value instanceof Uint8Array || value instanceof ArrayBuffer ? new Blob([value as Uint8Array<ArrayBuffer>]) : undefined;
}

function multipart(spec: Body, value: unknown): FormData {
  const data = new FormData();
  const entries = isObject(value) ? Object.entries(value) : [];
  for (const [name, item] of entries.filter(([, known]) => known !== undefined)) {
    const whole = spec.jsonParts?.includes(name) ?? false;
    for (const part of Array.isArray(item) && !whole ? item : [item]) {
      const file = blob(part);
      const media = spec.partTypes && Object.hasOwn(spec.partTypes, name) ? spec.partTypes[name] : undefined;
      if (file !== undefined) {
        data.append(name, media ? file.slice(0, file.size, media.split(",")[0]) : file, "name" in file ? String(file.name) : "file");
      } else if (whole || (typeof part === "object" && part !== null && !(part instanceof Date))) {
        data.append(name, new Blob([JSON.stringify(part)], { type: "application/json" }));
      } else {
        data.append(name, text(part));
      }
    }
  }
  return data;
}

/** What `fetch` sends, by the one name that browsers and Node both give it. */
export type Content = NonNullable<RequestInit["body"]>;

/** Content and content type of a body; a form's boundary is fetch's to choose. */
export function encoded(spec: Body, value: unknown): { content: Content; media: string | undefined } {
  switch (spec.kind) {
    case "json":
      return { content: JSON.stringify(value), media: spec.media };
    case "jsonl": {
      const lines = [...(value as Iterable<unknown>)].map((item) => `${JSON.stringify(item)}\n`);
      return { content: lines.join(""), media: spec.media };
    }
    case "form":
      return { content: form(fields(value)), media: spec.media };
    case "multipart":
      return { content: multipart(spec, value), media: undefined };
    default:
      return { content: value as Content, media: spec.media };
  }
}
