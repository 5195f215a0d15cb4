/** Everything that this client throws. */
export class APIError extends Error {
  override name = "APIError";
}

/** There was no answer. */
export class APIConnectionError extends APIError {
  override name = "APIConnectionError";
}

/** There was no answer in time. */
export class APITimeoutError extends APIConnectionError {
  override name = "APITimeoutError";
}

/** The answer is not what the API documents. */
export class InvalidResponseError extends APIError {
  override name = "InvalidResponseError";
}

/** The API answered with an error; `body` is what it sent, parsed where it is JSON. */
export class APIStatusError<Body = unknown> extends APIError {
  override name = "APIStatusError";
  readonly status: number;
  readonly body: Body;
  readonly headers: Headers;

  constructor(message: string, status: number, body: Body, headers: Headers) {
    super(message);
    this.status = status;
    this.body = body;
    this.headers = headers;
  }

  /** How the API names the request, if it does. */
  get requestId(): string | null {
    return this.headers.get("x-request-id") ?? this.headers.get("request-id");
  }
}

/** 400: the request is wrong. */
export class BadRequestError<Body = unknown> extends APIStatusError<Body> {
  override name = "BadRequestError";
}

/** 401: credentials are missing or wrong. */
export class AuthenticationError<Body = unknown> extends APIStatusError<Body> {
  override name = "AuthenticationError";
}

/** 403: the credentials are not enough. */
export class PermissionDeniedError<Body = unknown> extends APIStatusError<Body> {
  override name = "PermissionDeniedError";
}

/** 404: there is no such thing. */
export class NotFoundError<Body = unknown> extends APIStatusError<Body> {
  override name = "NotFoundError";
}

/** 409: it contradicts what is there. */
export class ConflictError<Body = unknown> extends APIStatusError<Body> {
  override name = "ConflictError";
}

/** 422: understood, and refused. */
export class UnprocessableEntityError<Body = unknown> extends APIStatusError<Body> {
  override name = "UnprocessableEntityError";
}

/** 429: too many requests. */
export class RateLimitError<Body = unknown> extends APIStatusError<Body> {
  override name = "RateLimitError";
}

/** 5xx: the fault is the API's. */
export class ServerError<Body = unknown> extends APIStatusError<Body> {
  override name = "ServerError";
}

const BY_STATUS: Record<number, typeof APIStatusError> = {
  400: BadRequestError,
  401: AuthenticationError,
  403: PermissionDeniedError,
  404: NotFoundError,
  409: ConflictError,
  422: UnprocessableEntityError,
  429: RateLimitError,
};

/** The error of a status. */
export function ofStatus(message: string, status: number, body: unknown, headers: Headers): APIStatusError {
  const kind = BY_STATUS[status] ?? (status >= 500 ? ServerError : APIStatusError);
  return new kind(message, status, body, headers);
}
