/** The seam of this module is the port that agents see; it is defined in contracts, once. */
export type {
  JsonSchema,
  Model,
  ModelEvent,
  ModelRequest,
  ModelSource,
  ModelUsage,
  ModelWish,
  ResolvedModel,
} from '../contracts/ports.ts';
