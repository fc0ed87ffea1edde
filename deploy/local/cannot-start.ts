/** Why there is no fleet, as `what is wrong; what to do`. */
export class CannotStart extends Error {}
