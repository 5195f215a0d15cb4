export { backoff, type BackoffOptions } from "./backoff.js";
