export { backoff, type BackoffOptions } from "./backoff.ts";
