import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

/** One answered request; `route` is the pattern of the route, never the path that was asked for. */
interface RequestMeasurement {
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly durationMs: number;
}

interface GaugesOptions {
  readonly label: string;
  readonly values: readonly string[];
  readonly read: () => Readonly<Record<string, number>>;
}

interface HistogramOptions<TLabel extends string> {
  readonly labels: readonly TLabel[];
  /** Upper bounds in seconds. */
  readonly buckets: readonly number[];
}

/** The metrics of one process, in the text format of Prometheus. */
export interface Metrics {
  readonly contentType: string;
  observeRequest(measurement: RequestMeasurement): void;
  /** Adds a gauge whose value is read when the metrics are asked for. */
  addGauge(name: string, help: string, read: () => number): void;
  /** Adds gauges that differ in one label; those that `read` does not name are 0. */
  addGauges(name: string, help: string, options: GaugesOptions): void;
  /** Adds a histogram of seconds; the function takes milliseconds. */
  addHistogram<TLabel extends string>(
    name: string,
    help: string,
    options: HistogramOptions<TLabel>,
  ): (values: Readonly<Record<TLabel, string>>, milliseconds: number) => void;
  /** Adds a counter; the function counts one. */
  addCounter<TLabel extends string>(
    name: string,
    help: string,
    labels: readonly TLabel[],
  ): (values: Readonly<Record<TLabel, string>>) => void;
  text(): Promise<string>;
}

/** Creates the metrics of a process: its own (memory, event loop, processor), requests, and what is added. */
export function createMetrics(service: string): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: 'bigbox_http_request_duration_seconds',
    help: 'Time from a request to the end of its answer',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.025, 0.1, 0.5, 1, 5, 30, 120],
    registers: [registry],
  });
  return {
    contentType: registry.contentType,
    observeRequest({ method, route, status, durationMs }) {
      requests.observe({ method, route, status: String(status) }, durationMs / 1000);
    },
    addGauge(name, help, read) {
      new Gauge({
        name,
        help,
        registers: [registry],
        collect() {
          this.set(read());
        },
      });
    },
    addGauges(name, help, { label, values, read }) {
      new Gauge({
        name,
        help,
        labelNames: [label],
        registers: [registry],
        collect() {
          const now = read();
          for (const value of values) this.set({ [label]: value }, now[value] ?? 0);
        },
      });
    },
    addHistogram(name, help, { labels, buckets }) {
      const options = { name, help, labelNames: [...labels], buckets: [...buckets], registers: [registry] };
      const histogram = new Histogram(options);
      return (values, milliseconds) => histogram.observe(values, milliseconds / 1000);
    },
    addCounter(name, help, labels) {
      const counter = new Counter({ name, help, labelNames: [...labels], registers: [registry] });
      return (values) => counter.inc(values);
    },
    text: () => registry.metrics(),
  };
}
