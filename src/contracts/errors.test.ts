import { describe, expect, test } from 'vitest';
import { BigboxError, ErrorBody, errorDefinitions, fromErrorBody, toBigboxError, toErrorBody } from './errors.ts';

describe('the error registry', () => {
  test.each(Object.entries(errorDefinitions))(
    '%s says what it means and what to do in whole sentences',
    (_code, definition) => {
      expect(definition.meaning).toMatch(/^[A-Z].*\.$/);
      expect(definition.remedy).toMatch(/^[A-Z].*\.$/);
      expect(definition.status).toBeGreaterThanOrEqual(400);
    },
  );

  test('an error survives the way through a body', () => {
    const error = new BigboxError('VM_LOST', { message: 'VM vm-1 died.', context: { vm_id: 'vm-1' } });
    const body = ErrorBody.parse(JSON.parse(JSON.stringify(toErrorBody(error, 'r1'))));
    const back = fromErrorBody(body);
    expect(back).toMatchObject({ code: 'VM_LOST', message: 'VM vm-1 died.', context: { vm_id: 'vm-1' } });
  });

  test('an unknown fault becomes INTERNAL and its text does not leave', () => {
    const error = toBigboxError(new Error('password is hunter2'));
    expect(error.code).toBe('INTERNAL');
    expect(JSON.stringify(toErrorBody(error))).not.toContain('hunter2');
  });
});
