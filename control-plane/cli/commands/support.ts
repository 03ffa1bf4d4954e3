import type { Command } from 'commander';
import * as z from 'zod';
import { ConnectionFlags } from '../config/config.ts';
import { clientError, usageError } from '../errors.ts';
import { jsonText } from '../output/json.ts';
import type { Ports } from '../ports.ts';
import { withSession, type Session } from '../session.ts';

/** What a verb needs from the program that it is part of. */
export interface CommandContext {
  readonly ports: () => Promise<Ports>;
  /** The exit code of the process once the verb is done. */
  readonly finish: (exitCode: number) => void;
}

/** Adds a verb's options and actions to the command that stands for it. */
export type AddVerb = (command: Command, context: CommandContext) => void;

/** The flags of commands that only need a connection and may print JSON. */
export const CommonFlags = ConnectionFlags.extend({ json: z.boolean().default(false) });

/** What a handler is given: the words after the verb, the flags checked, and the world. */
export interface Input<F> {
  readonly args: readonly string[];
  readonly flags: F;
  readonly ports: Ports;
}

/** Makes `run` what the command does; its result is the exit code, 0 for nothing. */
export function handle<S extends z.ZodType>(
  command: Command,
  context: CommandContext,
  schema: S,
  run: (input: Input<z.output<S>>) => Promise<number | undefined>,
): void {
  command.action(async () => {
    const flags = readFlags(schema, command.optsWithGlobals());
    context.finish((await run({ args: command.args, flags, ports: await context.ports() })) ?? 0);
  });
}

/** As `handle`, with a connection to the control plane. */
export function handleConnected<S extends z.ZodType<ConnectionFlags>>(
  command: Command,
  context: CommandContext,
  schema: S,
  run: (input: Input<z.output<S>> & Session) => Promise<number | undefined>,
): void {
  handle(command, context, schema, (input) =>
    withSession(input.flags, input.ports, (session) => run({ ...input, ...session })),
  );
}

/** The flags, or a usage error that lists every one that is wrong. */
export function readFlags<S extends z.ZodType>(schema: S, raw: unknown): z.output<S> {
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const details = parsed.error.issues.map(({ path, message }) => ({
    subject: flagName(String(path[0] ?? '')),
    code: 'usage-invalid',
    message,
  }));
  throw clientError('usage-invalid', details);
}

function flagName(property: string): string {
  return `--${property.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** A value that a command needs, checked against the protocol's schema before it goes anywhere. */
export function readArgument<S extends z.ZodType>(schema: S, name: string, raw: unknown): z.output<S> {
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  throw usageError(name, parsed.error.issues.map(({ message }) => message).join('; '));
}

/** Collects an option that may be given more than once. */
export function repeated(value: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), value];
}

/** One object on standard output, or lines for people. */
export function print(ports: Ports, json: boolean, value: unknown, lines: () => readonly string[]): void {
  if (json) ports.terminal.data(jsonText(value));
  else for (const line of lines()) ports.terminal.out(line);
}
