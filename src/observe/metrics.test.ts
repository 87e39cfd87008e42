import { expect, test } from 'vitest';
import { createMetrics } from './index.ts';

test('metrics carry the service, requests by route, and what was added', async () => {
  const metrics = createMetrics('a-service');
  let waiting = 3;
  metrics.addGauge('bigbox_waiting', 'Things that wait', () => waiting);
  const count = metrics.addCounter('bigbox_things_total', 'Things', ['kind']);
  metrics.observeRequest({ method: 'GET', route: '/runs/:id', status: 404, durationMs: 30 });
  count({ kind: 'small' });
  waiting = 5;

  const text = await metrics.text();

  expect(text).toContain('bigbox_waiting{service="a-service"} 5');
  expect(text).toContain('bigbox_things_total{kind="small",service="a-service"} 1');
  expect(text).toMatch(/request_duration_seconds_bucket\{le="0\.025",.*route="\/runs\/:id".*\} 0/);
  expect(text).toMatch(/request_duration_seconds_bucket\{le="0\.1",.*route="\/runs\/:id".*\} 1/);
});
