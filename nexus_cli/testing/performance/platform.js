// What all load tests of the platform share: where it is, who asks, and the shapes of load.
// `nexus test` says the rest in the environment: GATEWAY_URL, TOKEN, SCENARIO, SECONDS, RATE.

import http from 'k6/http';
import exec from 'k6/execution';

const GATEWAY = __ENV.GATEWAY_URL || 'http://127.0.0.1:3000';
const SCENARIO = __ENV.SCENARIO || 'load';
const SECONDS = Number(__ENV.SECONDS || 10);
const RUN = Date.now().toString(36);

// By scenario: parts of the time, and how many times the usual rate they lead to.
const SHAPES = {
  load: [[1, 1]],
  stress: [[0.2, 1], [0.3, 2], [0.3, 4], [0.2, 4]],
  spike: [[0.35, 1], [0.05, 5], [0.2, 5], [0.05, 1], [0.35, 1]],
  soak: [[1, 1]],
};
const HARD = SCENARIO === 'stress' || SCENARIO === 'spike';

if (!SHAPES[SCENARIO]) {
  throw new Error(`unknown scenario ${SCENARIO}: there are ${Object.keys(SHAPES).join(', ')}`);
}

// Beyond the usual load a gateway may say "too many": that is a promise kept and not a failure.
http.setResponseCallback(
  HARD ? http.expectedStatuses({ min: 200, max: 399 }, 429, 503) : http.expectedStatuses({ min: 200, max: 399 }),
);

// Options of k6 for requests (by name) at a rate a second. Requests begin at that rate whatever the answers
// take, so that a slow service cannot slow its own test down. A promise of latency is for the usual load.
export function load({ rate, slo, requests }) {
  const usual = Number(__ENV.RATE || rate);
  const thresholds = {};
  for (const name of requests) {
    thresholds[`http_req_failed{name:${name}}`] = [`rate<=${(100 - slo.availability) / 100}`];
    thresholds[`http_req_duration{name:${name}}`] = slo.p95 && !HARD ? [`p(95)<=${slo.p95}`] : ['max>=0'];
  }
  return {
    scenarios: {
      [SCENARIO]: {
        executor: 'ramping-arrival-rate',
        startRate: usual,
        timeUnit: '1s',
        stages: SHAPES[SCENARIO].map(([part, times]) => ({
          duration: `${Math.max(1, Math.round(part * SECONDS * 1000))}ms`,
          target: Math.ceil(usual * times),
        })),
        preAllocatedVUs: Math.ceil(usual),
        maxVUs: Math.ceil(usual * 20),
        gracefulStop: '5s',
      },
    },
    thresholds,
    setupTimeout: '60s',
    userAgent: 'nexus-test',
  };
}

function ask(method, path, name, body) {
  const headers = { 'content-type': 'application/json' };
  if (__ENV.TOKEN) headers.authorization = `Bearer ${__ENV.TOKEN}`;
  const data = body === undefined ? null : JSON.stringify(body);
  return http.request(method, GATEWAY + path, data, { headers, tags: { name }, timeout: '10s' });
}

// With a filter, such as `owner=7`, its name is part of the request's: GET /api/v1/orders?owner
export const list = (path, filter = '') =>
  ask('GET', `${path}?limit=20${filter && `&${filter}`}`, `GET ${path}${filter && `?${filter.split('=')[0]}`}`);
export const get = (path, id) => ask('GET', `${path}/${id}`, `GET ${path}/{id}`);
export const create = (path, body) => ask('POST', path, `POST ${path}`, body);
export const page = (path) => ask('GET', path, `GET ${path}`);

// Before the load: create so many rows, and return their identifiers.
export function given(path, count, make) {
  return Array.from({ length: count }, (_, n) => {
    const answer = ask('POST', path, 'setup', make(`setup-${n + 1}`));
    if (answer.status !== 201) {
      const said = answer.status ? `answered ${answer.status}: ${answer.body}` : `not answered: ${answer.error}`;
      throw new Error(`setup: POST ${path} was ${said}`);
    }
    return answer.json('id');
  });
}

// A number and a word that no other request of this or an earlier run has.
export const number = () => exec.scenario.iterationInTest + 1;
export const word = (n) => `${RUN}-${n}`;

// Call one of the functions; one of weight 4 is called four times as often as one of weight 1. They take turns
// rather than chances: a run of a few seconds asks everything, and two runs ask the same.
export function pick(choices) {
  const total = choices.reduce((sum, [weight]) => sum + weight, 0);
  let left = (exec.scenario.iterationInTest * stride(total)) % total;
  for (const [weight, call] of choices) {
    left -= weight;
    if (left < 0) return call();
  }
  return choices[0][1]();
}

// A step that comes by every number below the total before it begins again, and never by neighbours in turn.
function stride(total) {
  const divisor = (a, b) => (b ? divisor(b, a % b) : a);
  let step = Math.max(1, Math.round(total * 0.38));
  while (divisor(step, total) > 1) step += 1;
  return step;
}
