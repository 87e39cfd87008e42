import type { ErrorCode } from '../../contracts/errors.ts';

/** A server that is being restarted loads its model for a while: waiting half a minute is cheaper than a lost run. */
const modelAwayMs = [500, 1500, 3000, 5000, 10_000, 15_000];
/** The VM service restores its pool within seconds. */
const vmAwayMs = [500, 1500, 3000, 5000];
/** Another answer of the same model may be usable; a third bad one in a row is the model's fault. */
const anotherTryMs = [0, 500];

const kinds: readonly { readonly codes: readonly ErrorCode[]; readonly delaysMs: readonly number[] }[] = [
  { codes: ['MODEL_UNREACHABLE', 'MODEL_BUSY'], delaysMs: modelAwayMs },
  { codes: ['VM_UNAVAILABLE', 'GUEST_UNREACHABLE'], delaysMs: vmAwayMs },
  { codes: ['ANSWER_UNUSABLE', 'MODEL_FAILED', 'VM_LOST'], delaysMs: anotherTryMs },
];

/** How long to wait before a call that failed with the last of these is made again; undefined when it is not. */
export function nextDelayMs(failures: readonly ErrorCode[]): number | undefined {
  const last = failures.at(-1);
  const kind = kinds.find(({ codes }) => last !== undefined && codes.includes(last));
  if (kind === undefined) return undefined;
  return kind.delaysMs[failures.filter((code) => kind.codes.includes(code)).length - 1];
}
