/** A command as completion sees it. */
export interface CommandTree {
  readonly name: string;
  readonly summary: string;
  /** Long flags, dashes included; those that take a value also stand in `valued`. */
  readonly flags: readonly string[];
  readonly valued: readonly string[];
  readonly commands: readonly CommandTree[];
}

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** The script that makes a shell complete verbs and flags; nothing is asked of the control plane for it. */
export function completionScript(shell: Shell, tree: CommandTree): string {
  switch (shell) {
    case 'bash':
      return bashScript(tree);
    case 'zsh':
      // zsh runs bash's completions through its own layer for them.
      return `#compdef ${tree.name}\nautoload -U +X bashcompinit && bashcompinit\n${bashScript(tree)}`;
    case 'fish':
      return fishScript(tree);
    default:
      return shell satisfies never;
  }
}

interface Place {
  /** Words after the program's name: `` for none, `instances list`. */
  readonly path: string;
  readonly words: readonly string[];
}

function placesOf(tree: CommandTree, path: readonly string[] = [], inherited: readonly string[] = []): Place[] {
  const flags = [...new Set([...tree.flags, ...inherited])];
  const words = [...tree.commands.map(({ name }) => name), ...flags];
  const below = tree.commands.flatMap((command) => placesOf(command, [...path, command.name], flags));
  return [{ path: path.join(' '), words }, ...below];
}

function valuedOf(tree: CommandTree): string[] {
  return [...new Set([...tree.valued, ...tree.commands.flatMap(valuedOf)])].toSorted();
}

function bashScript(tree: CommandTree): string {
  const cases = placesOf(tree).map(({ path, words }) => `    '${path}') words='${words.join(' ')}' ;;`);
  return `_${tree.name}() {
  local current=\${COMP_WORDS[COMP_CWORD]} path='' words='' word i skip=
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ -n $skip ]]; then skip=; continue; fi
    case $word in
      ${valuedOf(tree).join('|')}) skip=1 ;;
      -*) ;;
      *)
        case "\${path:+$path }$word" in
          ${placesOf(tree)
            .slice(1)
            .map(({ path }) => `'${path}'`)
            .join('|')}) path="\${path:+$path }$word" ;;
        esac
        ;;
    esac
  done
  # The word before wants a value: leave it to the shell, which completes files.
  [[ -n $skip ]] && return
  case $path in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _${tree.name} ${tree.name}
`;
}

function fishScript(tree: CommandTree): string {
  const lines: string[] = [`complete -c ${tree.name} -f`];
  const visit = (command: CommandTree, seen: readonly string[]) => {
    const siblings = command.commands.map(({ name }) => name).join(' ');
    const here = seen.map((word) => `__fish_seen_subcommand_from ${word}`);
    const condition = [...here, ...(siblings === '' ? [] : [`not __fish_seen_subcommand_from ${siblings}`])].join(
      '; and ',
    );
    for (const { name, summary } of command.commands) {
      lines.push(`complete -c ${tree.name} -n '${condition}' -a ${name} -d ${quoted(summary)}`);
    }
    const when = here.length === 0 ? '' : ` -n '${here.join('; and ')}'`;
    for (const flag of command.flags) {
      const value = command.valued.includes(flag) ? ' -r -F' : '';
      lines.push(`complete -c ${tree.name}${when} -l ${flag.replace(/^--/, '')}${value}`);
    }
    for (const below of command.commands) visit(below, [...seen, below.name]);
  };
  visit(tree, []);
  return `${lines.join('\n')}\n`;
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
