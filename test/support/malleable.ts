/** Second signatures of what is signed already, which anybody can make. */

/** The order of P-256's group (FIPS 186-5). */
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** (r, n - s) of (r, s): ECDSA over P-256 takes both. */
export function otherSignature(bytes: Uint8Array): Buffer {
  const s = BigInt(`0x${Buffer.from(bytes.subarray(32)).toString("hex")}`);
  return Buffer.concat([
    bytes.subarray(0, 32),
    Buffer.from((P256_ORDER - s).toString(16).padStart(64, "0"), "hex"),
  ]);
}
