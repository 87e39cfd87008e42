import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Argument, Command } from 'commander';
import { withExamples } from '../../examples.ts';
import { jsonFlag } from '../../flags/json.ts';
import { type InstanceFlags, withInstanceFlags } from '../../instance.ts';
import { formatBytes, formatDuration, formatLine } from '../../output/format.ts';
import { findSnapshotId, snapshotArgument } from '../find-snapshot.ts';
import { withVmService } from '../vm-service.ts';

const fileArgument = (description: string): Argument => new Argument('<file>', description);

/** `fcctl snapshot export`: writes a snapshot to one file. */
export function exportSnapshotCommand(): Command {
  const command = withInstanceFlags(
    new Command('export')
      .description('Write a snapshot to one file, with everything that it needs but the image of its VM type.')
      .addArgument(snapshotArgument())
      .addArgument(fileArgument('where to write it, readable by you alone: it holds the memory of the VM')),
  ).action((word: string, file: string, flags: InstanceFlags) =>
    withVmService(flags, async (client, signal) => {
      const started = performance.now();
      const id = await findSnapshotId(client, word, signal);
      const archive = await client.exportSnapshot(id, signal);
      const unfinished = `${file}.unfinished`;
      try {
        await pipeline(Readable.fromWeb(archive as never), createWriteStream(unfinished, { mode: 0o600 }), { signal });
        await rename(unfinished, file);
      } catch (error) {
        await rm(unfinished, { force: true });
        throw error;
      }
      const time = formatDuration(performance.now() - started);
      process.stderr.write(`${formatLine(id, 'written', time, formatBytes((await stat(file)).size))}\n`);
    }),
  );
  return withExamples(
    command,
    ['fcctl snapshot export before before.tar.gz', 'writes the snapshot named before'],
    ['fcctl snapshot export snap-0123456789abcdef /mnt/backup/one.tar.gz', 'writes one by its id'],
  );
}

/** `fcctl snapshot import`: keeps a snapshot that was exported, and prints its new id. */
export function importSnapshotCommand(): Command {
  const command = withInstanceFlags(
    new Command('import')
      .description('Keep a snapshot that was exported here or elsewhere, and print its new id.')
      .addArgument(fileArgument('what fcctl snapshot export wrote; take only files that you would run')),
  )
    .addOption(jsonFlag())
    .action((file: string, { json, ...flags }: InstanceFlags & { readonly json?: true }) =>
      withVmService(flags, async (client, signal) => {
        const started = performance.now();
        const archive = Readable.toWeb(createReadStream(file)) as ReadableStream<Uint8Array>;
        const snapshot = await client.importSnapshot(archive, signal);
        const time = formatDuration(performance.now() - started);
        process.stderr.write(`${formatLine(snapshot.id, 'kept', time, formatBytes(snapshot.bytes))}\n`);
        process.stdout.write(json === true ? `${JSON.stringify(snapshot)}\n` : `${snapshot.id}\n`);
      }),
    );
  return withExamples(
    command,
    ['fcctl snapshot import before.tar.gz', 'keeps it under a new id'],
    ['fcctl vm create --snapshot $(fcctl snapshot import before.tar.gz)', 'makes a VM that goes on from there'],
  );
}
