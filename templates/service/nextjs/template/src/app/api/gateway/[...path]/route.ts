import { forward } from "../../../../generated/gateway.ts";
import { token } from "../../../../generated/session.ts";

interface Context {
  readonly params: Promise<{ path: string[] }>;
}

export async function GET(request: Request, { params }: Context): Promise<Response> {
  return forward(request, (await params).path, await token());
}
