/** What a token may do. Each role may do what those before it may. */
export const Role = {
  /** Reads: jobs (without the values of their environment), nodes, sites, events, metrics. */
  viewer: "viewer",
  /** Submits jobs; cancels its own and reads their output. */
  user: "user",
  /** Everything about nodes, sites and all jobs. */
  operator: "operator",
  /** Tokens and the audit trail. */
  admin: "admin",
} as const;
export type Role = (typeof Role)[keyof typeof Role];

/** From the least to the greatest. */
export const ROLES: readonly Role[] = Object.values(Role);

export function roleIncludes(role: Role, least: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(least);
}
