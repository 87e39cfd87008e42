import { Command } from 'commander';
import { withExamples } from '../examples.ts';
import { type InstanceFlags, clientOf, configurationOf, requireRunning, withInstanceFlags } from '../instance.ts';

/** `bigbox login-link`: a new login link and nothing else. */
export function loginLinkCommand(): Command {
  const command = withInstanceFlags(
    new Command('login-link').description('Print a new link that logs a browser in, once, within ten minutes.'),
  ).action(async (flags: InstanceFlags) => {
    const configuration = configurationOf(flags);
    const { url } = await requireRunning(configuration);
    process.stdout.write(`${await (await clientOf(configuration, url)).createLoginLink()}\n`);
  });
  return withExamples(
    command,
    ['bigbox login-link', 'prints a link'],
    ['xdg-open "$(bigbox login-link)"', 'opens the pages in the browser'],
  );
}
