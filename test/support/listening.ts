import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const LISTEN = '0A';
const ACCEPTS = 0x10000;

/** A process's sockets that wait for somebody to connect: TCP by address and port, those of a file system by path. */
export function listening(pid: number): string[] {
  const own = new Set(
    readdirSync(`/proc/${String(pid)}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${String(pid)}/fd/${fd}`))?.[1] ?? [];
      } catch {
        return []; // Closed meanwhile.
      }
    }),
  );
  const rows = (name: string) =>
    readFileSync(`/proc/${String(pid)}/net/${name}`, 'latin1')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/));
  return [
    ...['tcp', 'tcp6'].flatMap((name) => rows(name).filter((row) => row[3] === LISTEN && own.has(row[9] ?? ''))),
    ...rows('unix').filter((row) => (Number.parseInt(row[3] ?? '0', 16) & ACCEPTS) !== 0 && own.has(row[6] ?? '')),
  ].map((row) => row.join(' '));
}
