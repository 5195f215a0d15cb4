import { createServer } from "node:http";

/** A server on this machine that answers with `replies`, the last one again and again, and remembers requests. */
export async function serve(context, ...replies) {
  const requests = [];
  const http = createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += part;
    const [path, query = ""] = request.url.split("?");
    requests.push({ method: request.method, path, query: [...new URLSearchParams(query)], body });
    const reply = replies[Math.min(requests.length, replies.length) - 1];
    response.writeHead(reply.status, { "Content-Type": "application/json", ...reply.headers });
    response.end("value" in reply ? JSON.stringify(reply.value) : undefined);
  });
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
  context.after(() => {
    http.closeAllConnections();
    http.close();
  });
  return { url: `http://127.0.0.1:${http.address().port}`, requests };
}
