import { z } from 'zod';
import { BigboxError } from '../../contracts/errors.ts';
import written from '../catalogue.json' with { type: 'json' };

const PythonPackages = z.strictObject({
  /** Name of the packages; `{n}` is the number of the part, from 1. */
  name: z.string(),
  version: z.string(),
  count: z.number().int().min(1),
  /** Bytes of each part but the last. */
  partBytes: z.number().int().positive().optional(),
  /** End of the path inside the package; `{nn}` is the number with two digits. */
  member: z.string(),
});

const CatalogueModel = z.strictObject({
  /** As people type it. */
  name: z.string().regex(/^[a-z0-9._-]+:[a-z0-9._-]+$/),
  aliases: z.array(z.string()),
  file: z.string(),
  bytes: z.number().int().positive(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  licence: z.string(),
  family: z.string(),
  parameters: z.string(),
  quantization: z.string(),
  contextLength: z.number().int().positive(),
  /** Resident memory while it serves. */
  memoryBytes: z.number().int().positive(),
  /** Free memory from which a machine is large enough for it. */
  freeMemoryBytes: z.number().int().positive(),
  /** `default`: may be chosen by itself; `test`: only by name. */
  role: z.enum(['default', 'test']),
  suits: z.string(),
  sources: z.strictObject({ hub: z.string().optional(), pythonPackages: PythonPackages.optional() }),
});

/** One model that Bigbox knows: its content by hash, and where that content can be had. */
export type CatalogueModel = Readonly<z.infer<typeof CatalogueModel>>;

/** All models that Bigbox knows, the largest first. */
export const catalogue: readonly CatalogueModel[] = z
  .strictObject({ models: z.array(CatalogueModel) })
  .parse(written).models;

const normalize = (name: string): string =>
  name
    .trim()
    .toLowerCase()
    .replace(/:latest$/, '');

/** Finds a model by its name or an alias, without regard to case and to `:latest`. */
export function findModel(name: string): CatalogueModel | undefined {
  const wanted = normalize(name);
  return catalogue.find((model) => [model.name, ...model.aliases].some((known) => normalize(known) === wanted));
}

/** Like `findModel`. Throws MODEL_NOT_FOUND when the catalogue has no such model. */
export function getModel(name: string): CatalogueModel {
  const model = findModel(name);
  if (model !== undefined) return model;
  throw new BigboxError('MODEL_NOT_FOUND', {
    message: `The catalogue has no model '${name}', expected one of ${catalogue.map((known) => known.name).join(', ')}.`,
    context: { model: name },
    remedy: 'Choose one that bigbox models list shows.',
  });
}
