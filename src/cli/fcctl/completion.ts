import type { Command } from 'commander';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** One command with what may come next. */
interface Place {
  /** The words that lead to it, each with a space before: ` vm exec`. */
  readonly path: string;
  readonly commands: readonly Command[];
  readonly options: readonly { readonly flag: string; readonly description: string }[];
  /** Whether a VM is named next. */
  readonly takesVm: boolean;
}

function placesOf(command: Command, path = ''): readonly Place[] {
  const place: Place = {
    path,
    commands: command.commands,
    options: command.options.map(({ long, description }) => ({ flag: long ?? '', description })),
    takesVm: command.registeredArguments[0]?.name() === 'vm',
  };
  return [place, ...command.commands.flatMap((child) => placesOf(child, `${path} ${child.name()}`))];
}

const wordsOf = ({ commands, options }: Place): string =>
  [...commands.map((child) => child.name()), ...options.map(({ flag }) => flag), '--help'].join(' ');

/** What a person calls a VM by: the ids and the names. */
const vmWords = `fcctl vm list 2>/dev/null | awk 'NR > 1 { print $1; print $2 }'`;

/** Writes a script that the shell reads; `zsh` takes that of bash. */
export function writeCompletion(program: Command, shell: Shell): string {
  const places = placesOf(program);
  if (shell === 'fish') return forFish(places);
  return shell === 'zsh' ? `autoload -U +X bashcompinit && bashcompinit\n${forBash(places)}` : forBash(places);
}

function forBash(places: readonly Place[]): string {
  const paths = places.map(({ path }) => `"${path}"`).join(' | ');
  const cases = places.map((place) => {
    const vms = place.takesVm ? ` $(${vmWords})` : '';
    return `    "${place.path}") words="${wordsOf(place)}${vms}" ;;`;
  });
  return `_fcctl() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path="" words="" index
  for ((index = 1; index < COMP_CWORD; index++)); do
    case "$path \${COMP_WORDS[index]}" in
      ${paths}) path="$path \${COMP_WORDS[index]}" ;;
    esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _fcctl fcctl
`;
}

const quote = (text: string): string => `'${text.replaceAll("'", String.raw`\'`)}'`;

function forFish(places: readonly Place[]): string {
  const lines = places.flatMap(({ path, commands, options, takesVm }) => {
    const where = `complete -c fcctl -n '__fcctl_at "${path}"'`;
    return [
      ...commands.map((child) => `${where} -a ${child.name()} -d ${quote(child.description())}`),
      ...options.map(({ flag, description }) => `${where} -l ${flag.replace(/^--/, '')} -d ${quote(description)}`),
      ...(takesVm ? [`${where} -a ${quote(`(${vmWords})`)}`] : []),
    ];
  });
  return `function __fcctl_at
  set -l path ""
  for word in (commandline -opc)[2..]
    contains -- "$path $word" ${places.map(({ path }) => quote(path)).join(' ')}; and set path "$path $word"
  end
  test "$path" = "$argv[1]"
end
complete -c fcctl -f
${lines.join('\n')}
`;
}
