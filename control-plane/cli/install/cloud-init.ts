/**
 * The line as user data. As text and not as a list, so that it becomes part of a script of cloud-init's, which root alone
 * can read, and no argument.
 */
export function cloudConfig(line: readonly string[], expires: string): readonly string[] {
  // A space at the start, for the history of shells, would be taken for the indentation of the text.
  const [command = '', ...document] = line;
  return [
    '#cloud-config',
    '# Installs the agent of Latchkey. It holds a join token: whoever reads user data has it, at the provider, and on most',
    '# clouds every user and program of the instance, which the metadata service answers. It is worth nothing once it was',
    `# used, nor after ${expires}.`,
    'runcmd:',
    '  - |',
    ...[command.trimStart(), ...document].map((text) => `    ${text}`),
  ];
}
