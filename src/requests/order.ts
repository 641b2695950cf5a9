import { z } from 'zod';

/** The queue by which sites hand requests over. */
export const requestQueue = 'drupald_http';

const seconds = z.number().nonnegative().max(86_400);

const schema = z.object({
  url: z.string(),
  method: z.string().regex(/^[A-Z]+$/),
  /** Empty lists are what PHP makes of empty maps. */
  headers: z.record(z.string(), z.string()).or(z.tuple([]).transform(() => ({}))),
  data: z.base64(),
  timeout: seconds,
  redirects: z.number().int().min(0).max(50),
  file: z.string().startsWith('/').nullable(),
  private: z.boolean().or(z.array(z.string())),
  retries: z.number().int().min(0).max(20),
  pause: seconds,
  uid: z.number().int().min(0),
  call: z.base64(),
});

/** A request that a site has handed over. Times are seconds. */
export type RequestOrder = z.infer<typeof schema>;

/** Reads what an item of the queue carries; undefined: nobody here has written it so. */
export function readOrder(data: unknown): RequestOrder | undefined {
  if (typeof data !== 'string') return undefined;
  try {
    const result = schema.safeParse(JSON.parse(data));
    return result.success ? result.data : undefined;
  } catch {
    return undefined;
  }
}

/** Seconds before a further attempt; the first one after the first is number 1. */
export function pauseBefore(first: number, number: number): number {
  return Math.min(300, first * 2 ** (number - 1));
}
