/** What a release is made for: the names that Node and its packages have for them. */
export const TARGETS = ["linux-x64", "linux-arm64"] as const;
export type Target = (typeof TARGETS)[number];

/** Something that the release needs and this machine does not have; what to do about it is in the message. */
export class CannotMake extends Error {}
