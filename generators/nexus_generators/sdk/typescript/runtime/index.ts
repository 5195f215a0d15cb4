export { ClientCredentials, type Basic, type Credential, type Scheme, type Secret } from "./auth.ts";
export {
  APIPromise,
  Core,
  Pages,
  RETRY,
  type Config,
  type Hooks,
  type Options,
  type Paging,
  type Retry,
} from "./client.ts";
export type { Upload } from "./encode.ts";
export * from "./errors.ts";
export type { Answer, Body, Operation, Parameter } from "./operation.ts";
export { Stream } from "./stream.ts";
export type { Span, Tracer } from "./tracing.ts";
