/** The header Content-Disposition that lets a browser keep an answer as a file of this name (RFC 6266, RFC 8187). */
export function attachment(name: string): string {
  const plain = name.replace(/[^ -~]|["\\%]/gu, '_');
  const encoded = encodeURIComponent(name.toWellFormed()).replace(/['()*]/g, toHex);
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}

const toHex = (character: string): string => `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
