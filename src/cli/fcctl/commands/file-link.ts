import { Command, Option } from 'commander';
import { withExamples } from '../../examples.ts';
import { jsonFlag } from '../../flags/json.ts';
import { type InstanceFlags, withInstanceFlags } from '../../instance.ts';
import { parseDuration } from '../../parse-values.ts';
import { placeArgument, toAddress } from '../guest-address.ts';
import { withVmService } from '../vm-service.ts';

interface LinkFlags extends InstanceFlags {
  readonly upload?: true;
  readonly expires?: number;
  readonly json?: true;
}

/** `fcctl vm files link`: prints a link to a file of a VM that works once. */
export function fileLinkCommand(): Command {
  const command = withInstanceFlags(
    new Command('link')
      .description('Print a link that downloads or uploads a file of a VM once, without a key.')
      .addArgument(placeArgument())
      .addOption(new Option('--upload', 'write the file instead of reading it (default: read)'))
      .addOption(
        new Option('--expires <time>', 'how long the link works, like 90s, 2h or 7d (default: 15m)').argParser(
          parseDuration,
        ),
      ),
  )
    .addOption(jsonFlag())
    .action((word: string, { upload, expires, json, ...flags }: LinkFlags) =>
      withVmService(flags, async (client, signal) => {
        const wish = expires === undefined ? {} : { expires_in_seconds: expires };
        const action = upload === true ? 'upload' : 'download';
        const link = await client.makeFileLink({ ...(await toAddress(client, word, signal)), action, ...wish }, signal);
        process.stdout.write(`${json === true ? JSON.stringify(link) : link.url}\n`);
      }),
    );
  return withExamples(
    command,
    ['curl -OJ "$(fcctl vm files link try:report.pdf)"', 'keeps a file of the VM named try under its name'],
    ['curl -T data.csv "$(fcctl vm files link --upload --expires 2h try:data.csv)"', 'puts one into it'],
  );
}
