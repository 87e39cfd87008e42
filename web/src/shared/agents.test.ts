import { describe, expect, test } from 'vitest';
import { identifyAgents } from './agents.ts';

describe('identifyAgents()', () => {
  test('takes one letter where it is enough and two where names begin alike', () => {
    const agents = identifyAgents(['analytical', 'creative', 'critical'], []);
    expect([agents['analytical']?.mark, agents['creative']?.mark, agents['critical']?.mark]).toEqual(['A', 'Ce', 'Ci']);
  });

  test('names an agent that is no longer in the catalogue by its id', () => {
    expect(identifyAgents(['user_centered'], [])['user_centered']?.name).toBe('User centered');
  });
});
