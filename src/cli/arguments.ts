import { type ParseArgsConfig, parseArgs } from "node:util";
import { fail, ok, type Result } from "../result.ts";

/** Reads the arguments of a command. The error is a sentence for the user: also about an option that may not come twice. */
export function readOptions<T extends ParseArgsConfig>(
  config: T,
): Result<ReturnType<typeof parseArgs<T>>, string> {
  try {
    const { tokens } = parseArgs({ ...config, tokens: true as const });
    const names = (tokens ?? []).flatMap((token) => (token.kind === "option" ? [token.name] : []));
    const twice = names.find((name, i) => names.indexOf(name) < i && !config.options?.[name]?.multiple);
    return twice === undefined ? ok(parseArgs(config)) : fail(`--${twice} comes twice.`);
  } catch (error) {
    return fail((error as Error).message);
  }
}
