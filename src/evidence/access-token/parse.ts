import type { Jws } from "../jws.ts";

/** An access token (RFC 9068) with every claim typed, not yet verified. */
export interface AccessToken {
  readonly jws: Jws;
  readonly scheme: "Bearer" | "DPoP";
  readonly iss: string;
  readonly exp: number;
}
