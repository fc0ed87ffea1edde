/**
 * Whether all of a text is of a pattern in which `*` stands for any characters, `/` too, and `?` for one: as the Hub's
 * own tools read `*.safetensors`. In time proportional to both lengths, whatever the pattern: it comes from outside.
 */
export function matchesWildcard(pattern: string, text: string): boolean {
  let patternIndex = 0;
  let textIndex = 0;
  /** The last `*`, and up to where it was taken to reach. */
  let star = -1;
  let reach = 0;
  while (textIndex < text.length) {
    const wanted = pattern[patternIndex];
    if (wanted === "*") {
      star = patternIndex++;
      reach = textIndex;
    } else if (wanted === "?" || (wanted !== undefined && wanted === text[textIndex])) {
      patternIndex++;
      textIndex++;
    } else if (star !== -1) {
      patternIndex = star + 1;
      textIndex = ++reach;
    } else return false;
  }
  while (pattern[patternIndex] === "*") patternIndex++;
  return patternIndex === pattern.length;
}
