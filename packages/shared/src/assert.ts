/** Fails loudly where our own reasoning was wrong; never used for input that came from outside. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`invariant violated: ${message}`);
}

/** The end of every exhaustive `switch`: does not compile while a member is missing. */
export function assertNever(value: never): never {
  throw new Error(`unexpected variant: ${JSON.stringify(value)}`);
}
