/** What was typed, or a file that was named, is not right. The message is `what is wrong; what to do`. */
export class UsageError extends Error {}
