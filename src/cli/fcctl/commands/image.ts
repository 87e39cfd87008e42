import { Argument, Command } from 'commander';
import type { VmTemplate } from '../../../contracts/capabilities.ts';
import { BigboxError } from '../../../contracts/errors.ts';
import { withExamples } from '../../examples.ts';
import { jsonFlag } from '../../flags/json.ts';
import { type InstanceFlags, withInstanceFlags } from '../../instance.ts';
import { formatBytes } from '../../output/format.ts';
import { formatFacts, formatTable } from '../../output/table.ts';
import { withVmService } from '../vm-service.ts';

type JsonFlags = InstanceFlags & { readonly json?: true };

/** `fcctl image`: what VMs are made of. */
export function imageCommand(): Command {
  const command = new Command('image')
    .description('Look at what VMs are made of.')
    .addCommand(listCommand())
    .addCommand(showCommand());
  return withExamples(
    command,
    ['fcctl image ls', 'each with its size'],
    ['fcctl image show debian-bookworm', 'all that is known of one'],
  );
}

function listCommand(): Command {
  const command = withInstanceFlags(new Command('ls').description('List what VMs are made of.'))
    .addOption(jsonFlag())
    .action((flags: JsonFlags) =>
      withVmService(flags, async (client, signal) => {
        const images = await client.images(signal);
        if (flags.json === true) return void process.stdout.write(`${JSON.stringify(images)}\n`);
        const rows = images.map(({ name, image_id: id, disk_bytes: disk, vcpus, memory_mb: memory }) => {
          return [name, id.slice(0, 12), formatBytes(disk), `${vcpus} cpu, ${memory} MB`];
        });
        process.stdout.write(formatTable(['NAME', 'IMAGE', 'DISK', 'VMS GET'], rows));
      }),
    );
  return withExamples(command, ['fcctl image ls', 'name, hash, disk'], ['fcctl image ls --json', 'as a JSON array']);
}

function showCommand(): Command {
  const command = withInstanceFlags(
    new Command('show')
      .description('Show what is known of an image.')
      .addArgument(new Argument('<image>', 'its name or another that stands for it')),
  )
    .addOption(jsonFlag())
    .action((word: string, flags: JsonFlags) =>
      withVmService(flags, async (client, signal) => {
        const image = findImage(await client.images(signal), word);
        process.stdout.write(flags.json === true ? `${JSON.stringify(image)}\n` : formatFacts(toFacts(image)));
      }),
    );
  return withExamples(
    command,
    ['fcctl image show debian-bookworm', 'by its name'],
    ['fcctl image show ubuntu-focal', 'what stands for a name of upstream'],
  );
}

/** Throws VM_TEMPLATE_UNKNOWN. */
function findImage(images: readonly VmTemplate[], word: string): VmTemplate {
  const image = images.find(({ name, aliases }) => name === word || aliases.includes(word));
  if (image !== undefined) return image;
  throw new BigboxError('VM_TEMPLATE_UNKNOWN', {
    message: `There is no image ${JSON.stringify(word)}; there is ${images.map(({ name }) => name).join(', ')}.`,
  });
}

const toFacts = (image: VmTemplate): readonly (readonly [string, string])[] => [
  ['name', image.name],
  ['also', image.aliases.join(', ')],
  ['image', image.image_id],
  ['disk', formatBytes(image.disk_bytes)],
  ['kernel', formatBytes(image.kernel_bytes)],
  ['told', image.command_line],
  ['VMs get', `${image.vcpus} cpu, ${image.memory_mb} MB`],
];
