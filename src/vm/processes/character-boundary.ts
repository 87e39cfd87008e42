/** Bytes that a UTF-8 character has by its first byte; 1 also for what begins none. */
function lengthOfCharacter(first: number): number {
  if (first >= 0xf0 && first < 0xf8) return 4;
  if (first >= 0xe0 && first < 0xf0) return 3;
  return first >= 0xc0 && first < 0xe0 ? 2 : 1;
}

const isContinuation = (byte: number): boolean => (byte & 0xc0) === 0x80;
const maxContinuations = 3;

/** Says how many bytes at the end begin a UTF-8 character whose rest is still to come: 0 to 3. */
export function unfinishedBytes(data: Uint8Array): number {
  const lookBack = Math.min(maxContinuations, data.length);
  for (let back = 1; back <= lookBack; back += 1) {
    const byte = data[data.length - back] ?? 0;
    if (!isContinuation(byte)) return lengthOfCharacter(byte) > back ? back : 0;
  }
  return 0;
}

/** Says how many bytes at the start are the rest of a character that began before: 0 to 3. */
export function orphanedBytes(data: Uint8Array): number {
  let count = 0;
  while (count < Math.min(maxContinuations, data.length) && isContinuation(data[count] ?? 0)) count += 1;
  return count;
}
