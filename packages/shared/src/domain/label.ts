/** What may be the key of a label, or the name of a site. */
export const LABEL = /^[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$/;
export const LABEL_RULE = "1 to 63 letters, digits and . _ / -";
