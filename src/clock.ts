/** The clock, as NumericDate (RFC 7519 section 2): whole seconds. What is judged by a time is given it as a parameter. */
export const seconds = (): number => Math.floor(Date.now() / 1000);
