export { ClientCredentials, type Basic, type Credential, type Scheme, type Secret } from "./auth.js";
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
} from "./client.js";
export type { Upload } from "./encode.js";
export * from "./errors.js";
export type { Answer, Body, Operation, Parameter } from "./operation.js";
export { Stream } from "./stream.js";
export type { Span, Tracer } from "./tracing.js";
