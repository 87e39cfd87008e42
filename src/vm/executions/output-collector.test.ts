import { describe, expect, test } from 'vitest';
import { OutputCollector } from './output-collector.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('OutputCollector', () => {
  test('joins characters that were cut between chunks', () => {
    const collector = new OutputCollector(100);
    const [first, second] = [bytes('grü').subarray(0, 3), bytes('grü').subarray(3)];
    expect(collector.add(first) + collector.add(second) + collector.end()).toBe('grü');
    expect(collector.truncated).toBe(false);
  });

  test('keeps the beginning and says that it cut', () => {
    const collector = new OutputCollector(4);
    expect(collector.add(bytes('abc'))).toBe('abc');
    expect(collector.add(bytes('def'))).toBe('d');
    expect(collector.add(bytes('ghi'))).toBe('');
    expect(collector.text).toBe('abcd');
    expect(collector.truncated).toBe(true);
  });

  test('is not truncated at exactly the limit', () => {
    const collector = new OutputCollector(3);
    collector.add(bytes('abc'));
    expect(collector.truncated).toBe(false);
  });

  test('shows what a broken character at the end leaves', () => {
    const collector = new OutputCollector(10);
    expect(collector.add(bytes('é').subarray(0, 1))).toBe('');
    expect(collector.end()).toBe('\ufffd');
    expect(collector.text).toBe('\ufffd');
  });
});
