/** Takes the lock of the account database as every password tool does, and keeps it. Argument: milliseconds. */
import koffi from 'koffi';
import { setTimeout as delay } from 'node:timers/promises';

const lckpwdf = koffi.load('libc.so.6').func('int lckpwdf(void)') as () => number;
if (lckpwdf() !== 0) throw new Error('lckpwdf failed');
await delay(Number(process.argv[2]));
