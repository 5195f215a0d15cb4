import { isReady } from "../../../generated/gateway.ts";
import { refusal } from "../../../generated/problems.ts";
import { person } from "../../../generated/session.ts";
import { addresses } from "../../../generated/settings.ts";

export async function GET(request: Request): Promise<Response> {
  if (!(await person())) return refusal(request, 401, "Log in first.");
  const services = Object.entries(addresses()).map(async ([name, address]) => ({
    name,
    status: (await isReady(request, address)) ? "up" : "down",
  }));
  return Response.json(await Promise.all(services));
}
