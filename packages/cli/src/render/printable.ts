/**
 * Names and messages come from other people: control characters in them could move the cursor, change
 * colours or fake a line, so they are shown as `?`.
 */
export function printable(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what this is about
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, "?");
}
