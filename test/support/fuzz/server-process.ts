/**
 * The control plane as `latchkey server` composes it, in a process of its own whose memory can be asked about. The
 * parent names a configuration file; what goes wrong is in the log, which is standard error.
 */
import { readConfig } from '../../../control-plane/server/config.ts';
import { createLog } from '../../../control-plane/server/logging.ts';
import { startServer } from '../../../control-plane/server/server.ts';
import type { ServerFigures, ServerWord } from './server.ts';

const MEBIBYTE = 1024 * 1024;

function figures(): ServerFigures {
  if (global.gc === undefined) throw new Error('the server was started without --expose-gc');
  // Twice: what finalizers let go in the first is collected in the second.
  global.gc();
  global.gc();
  const { rss, heapUsed, external } = process.memoryUsage();
  const resources: Record<string, number> = {};
  for (const type of process.getActiveResourcesInfo()) resources[type] = (resources[type] ?? 0) + 1;
  return {
    rssMebibytes: rss / MEBIBYTE,
    heapMebibytes: heapUsed / MEBIBYTE,
    externalMebibytes: external / MEBIBYTE,
    resources,
  };
}

const say = (word: ServerWord): void => {
  process.send?.(word);
};

const read = readConfig(process.argv[2] ?? '', {});
if (!read.ok) throw new Error(JSON.stringify(read.problems));
const server = await startServer(read.config, createLog({ level: read.config.logLevel }));
process.on('message', () => say({ type: 'figures', figures: figures() }));
process.once('SIGTERM', () => {
  server.stop().then(
    () => process.disconnect(),
    (error: unknown) => {
      throw error;
    },
  );
});
// The parent is gone, however it went.
process.once('disconnect', () => process.exit(0));
say({ type: 'ready' });
