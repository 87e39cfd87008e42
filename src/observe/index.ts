export { createMetrics, type Metrics, type RequestMeasurement } from './metrics.ts';
