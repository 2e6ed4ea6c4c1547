import { messageOf } from "../lib/errors.ts";

/**
 * Runs `work` for one name after the other, each said before. What goes wrong with one keeps none of the others from being
 * measured, whose results took as long; answers with what that was.
 */
export async function eachInTurn<Name extends string>(
  names: readonly Name[],
  work: (name: Name) => Promise<void>,
  say: (name: Name) => void,
): Promise<string[]> {
  const problems: string[] = [];
  for (const name of names) {
    say(name);
    try {
      await work(name);
    } catch (error) {
      problems.push(`${name}: ${messageOf(error)}`);
    }
  }
  return problems;
}
