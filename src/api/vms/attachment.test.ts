import { expect, test } from 'vitest';
import { attachment } from './attachment.ts';

test.each([
  ['a b.csv', `attachment; filename="a b.csv"; filename*=UTF-8''a%20b.csv`],
  ['Übung 😀.txt', `attachment; filename="_bung _.txt"; filename*=UTF-8''%C3%9Cbung%20%F0%9F%98%80.txt`],
  [
    'a"; b=\\\r\nSet-Cookie: x',
    `attachment; filename="a_; b=___Set-Cookie: x"; filename*=UTF-8''a%22%3B%20b%3D%5C%0D%0ASet-Cookie%3A%20x`,
  ],
  [`it's (50%*)`, `attachment; filename="it's (50_*)"; filename*=UTF-8''it%27s%20%2850%25%2A%29`],
  ['\ud800', `attachment; filename="_"; filename*=UTF-8''%EF%BF%BD`],
])('keeps %j one name in one header', (name, header) => {
  expect(attachment(name)).toBe(header);
});
