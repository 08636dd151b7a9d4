/** What of a mandate says which run it belongs to. */
export interface RunMember {
  readonly iss: string;
  /** The `iss` of the mandate that the chain of delegation begins with; `iss` itself where nothing was delegated. */
  readonly rootIss: string;
  readonly jti: string;
  readonly wid: string | null;
}

/** A run: (root issuer, wid) where the mandate has a workflow id, else (issuer, jti of the mandate). */
export const runKey = ({ iss, rootIss, jti, wid }: RunMember): string =>
  JSON.stringify(wid === null ? ["jti", iss, jti] : ["wid", rootIss, wid]);
