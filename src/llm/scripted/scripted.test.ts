import { BigboxError, type ErrorCode } from '../../contracts/errors.ts';
import { describeModel } from '../suite/index.ts';
import { createScriptedModel, type ScriptedAnswer } from './index.ts';

const codes: Readonly<Record<string, ErrorCode>> = {
  unreachable: 'MODEL_UNREACHABLE',
  missing: 'MODEL_NOT_FOUND',
  busy: 'MODEL_BUSY',
};

describeModel('the scripted model', {
  canFail: true,
  prepare: async ({ says = ['some ', 'text'], fails, hangs }) =>
    createScriptedModel((request, call): ScriptedAnswer => {
      const isCut = fails === 'cut' || (call === 0 && request.maxOutputTokens < says.length);
      return {
        chunks: isCut ? says.slice(0, request.maxOutputTokens) : says,
        stopReason: isCut ? 'length' : 'stop',
        ...(fails === undefined || fails === 'cut'
          ? {}
          : { fails: new BigboxError(codes[fails] ?? 'MODEL_FAILED', { message: 'as scripted' }) }),
        ...(hangs === true ? { waitFor: Promise.withResolvers<void>().promise } : {}),
      };
    }),
});
