/**
 * The value of a `Content-Length` (RFC 9110 section 8.6) as a number of octets; null for anything else, also for the field that is not
 * there. Whether somebody holds the sender to it is not said by that.
 */
export const announcedLength = (field: string | null | undefined): number | null =>
  /^\d{1,15}$/.test(field ?? "") ? Number(field) : null;
